"""What The Hog takes and shows. Unknown fields are ignored."""

from typing import Any, ClassVar

from django.urls import reverse
from rest_framework import serializers

from testproject.thehog.jobs import accept
from testproject.thehog.models import PRICE, Operation


class JobSerializer(serializers.Serializer):
    """Takes the fields of one type of job, and shows its receipt."""

    type: ClassVar[Operation.Type]

    def create(self, validated_data: dict[str, Any]) -> Operation:
        made_by = {name: validated_data.pop(name) for name in ("organization", "request_id")}
        return accept(type=self.type, sent=validated_data, **made_by)

    def to_representation(self, instance: Operation) -> dict[str, Any]:
        return {
            "operationId": instance.pk,
            "status": instance.status,
            "pollUrl": reverse("thehog:operation-detail", args=[instance.pk]),
            "creditsCharged": PRICE,
        }


class EnrichSerializer(JobSerializer):
    type = Operation.Type.ENRICH
    email = serializers.EmailField(max_length=254)


class GenerateSerializer(JobSerializer):
    type = Operation.Type.GENERATE
    prompt = serializers.CharField()


class DeepResearchSerializer(JobSerializer):
    type = Operation.Type.DEEP_RESEARCH
    query = serializers.CharField()


class OperationSerializer(serializers.ModelSerializer):
    """Shows what became of a job, with the fields that were sent."""

    operationId = serializers.CharField(source="pk")  # noqa: N815 - the API's own spelling
    createdAt = serializers.DateTimeField(source="created_at")  # noqa: N815

    class Meta:
        model = Operation
        fields = ("operationId", "type", "status", "result", "attempt", "runs", "createdAt")

    def to_representation(self, instance: Operation) -> dict[str, Any]:
        return {**super().to_representation(instance), **instance.sent}
