"""What Payments takes and shows. Unknown fields are ignored."""

from typing import Any

from rest_framework import serializers

from django_idempotency import downstream_key
from testproject.payments import client
from testproject.payments.models import Charge, Payment, Transfer


class PaymentSerializer(serializers.ModelSerializer):
    amount = serializers.IntegerField(min_value=1, max_value=100_000_000)
    currency = serializers.RegexField(r"^[A-Z]{3}\Z")
    status = serializers.ReadOnlyField(default="succeeded")

    class Meta:
        fields = ("id", "amount", "currency", "description", "status", "provider_charge", "created_at")
        read_only_fields = ("id", "provider_charge", "created_at")

    def create(self, validated_data: dict[str, Any]) -> Payment:
        """Take the money, and write down that it is taken; in this order, for a row is no reason to take any."""
        order = {name: validated_data[name] for name in ("amount", "currency", "description")}
        taken = client.charge(downstream_key(), account=validated_data["organization"].slug, **order)
        return super().create({**validated_data, "provider_charge": taken["id"]})


class ChargeSerializer(PaymentSerializer):
    class Meta(PaymentSerializer.Meta):
        model = Charge


class TransferSerializer(PaymentSerializer):
    class Meta(PaymentSerializer.Meta):
        model = Transfer
