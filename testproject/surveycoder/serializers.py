"""What SurveyCoder takes and shows. Unknown fields are ignored."""

from typing import Any

from rest_framework import serializers
from rest_framework.generics import get_object_or_404

from testproject.surveycoder.models import Coding, Project, Question, Webhook

_MADE = ("id", "request_id", "created_at")


class CodingSerializer(serializers.ModelSerializer):
    responses = serializers.ListField(child=serializers.CharField(max_length=10_000), allow_empty=False)

    class Meta:
        model = Coding
        fields = ("id", "question", "responses", "codes", "credits_charged", "request_id", "created_at")
        read_only_fields = ("codes", "credits_charged", *_MADE)

    def create(self, validated_data: dict[str, Any]) -> Coding:
        return Coding.make(**validated_data)


class ProjectSerializer(serializers.ModelSerializer):
    class Meta:
        model = Project
        fields = ("id", "name", "request_id", "created_at")
        read_only_fields = _MADE


class QuestionSerializer(serializers.ModelSerializer):
    # A text first, so that what no database takes as one is refused before it is looked for.
    project = serializers.CharField(source="project_id", trim_whitespace=False)

    class Meta:
        model = Question
        fields = ("id", "project", "text", "request_id", "created_at")
        read_only_fields = _MADE

    def validate_project(self, project_id: str) -> str:
        """Find it among the caller's own: nobody else's projects exist for a caller."""
        own = Project.objects.filter(organization=self.context["view"].organization)
        return get_object_or_404(own, pk=project_id).pk


class WebhookSerializer(serializers.ModelSerializer):
    class Meta:
        model = Webhook
        fields = ("id", "url", "request_id", "created_at")
        read_only_fields = _MADE
