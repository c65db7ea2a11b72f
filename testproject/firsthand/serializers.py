"""What FirstHand takes and shows. Unknown fields are ignored."""

import secrets
from typing import Any

from rest_framework import serializers

from testproject.accounts.models import ApiKey, digest_of
from testproject.firsthand.models import IssuedKey, Job, Purchase, WebhookEndpoint

_MADE = ("id", "request_id", "created_at")


class JobSerializer(serializers.ModelSerializer):
    files_needed = serializers.IntegerField(min_value=1, max_value=1_000_000)
    accepted_formats = serializers.ListField(child=serializers.CharField(max_length=100), allow_empty=False)
    price_per_file_cents = serializers.IntegerField(min_value=0, max_value=100_000_000)

    class Meta:
        model = Job
        fields = (
            "id",
            "type",
            "description",
            "files_needed",
            "accepted_formats",
            "price_per_file_cents",
            "status",
            "ratings",
            "rating_sum",
            "cancellations",
            "request_id",
            "created_at",
        )
        read_only_fields = ("status", "ratings", "rating_sum", "cancellations", *_MADE)

    def update(self, instance: Job, validated_data: dict[str, Any]) -> Job:
        # Not save(): it would write back what was read, over a rating that came in between, or a deletion.
        instance.change(**validated_data)
        return instance


class RatingSerializer(serializers.Serializer):
    rating = serializers.IntegerField(min_value=1, max_value=5)


class IssuedKeySerializer(serializers.ModelSerializer):
    """Makes a key. Only the instance that was just made has the secret, so only its answer shows it."""

    class Meta:
        model = IssuedKey
        fields = ("id", "name", "request_id", "created_at")
        read_only_fields = _MADE

    def create(self, validated_data: dict[str, Any]) -> IssuedKey:
        secret = f"fh_live_{secrets.token_urlsafe(32)}"
        api_key = ApiKey.objects.create(
            organization=validated_data["organization"], name=validated_data["name"], digest=digest_of(secret)
        )
        issued = super().create({**validated_data, "api_key": api_key})
        issued.secret = secret
        return issued

    def to_representation(self, instance: IssuedKey) -> dict[str, Any]:
        shown = super().to_representation(instance)
        secret = getattr(instance, "secret", None)
        return shown if secret is None else {**shown, "secret": secret}


class WebhookEndpointSerializer(serializers.ModelSerializer):
    class Meta:
        model = WebhookEndpoint
        fields = ("id", "url", "request_id", "created_at")
        read_only_fields = _MADE


class PurchaseSerializer(serializers.ModelSerializer):
    credits = serializers.IntegerField(min_value=1, max_value=1_000_000)

    class Meta:
        model = Purchase
        fields = ("id", "credits", "balance", "request_id", "created_at")
        read_only_fields = ("balance", *_MADE)

    def create(self, validated_data: dict[str, Any]) -> Purchase:
        return Purchase.make(**validated_data)
