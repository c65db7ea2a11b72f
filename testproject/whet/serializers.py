"""What Whet takes and shows. Unknown fields are ignored."""

import json
from typing import Any

from rest_framework import serializers

from testproject.whet.models import Account, Artifact, Pipeline, Post

LONGEST_INTENT = 10_000


class TextField(serializers.CharField):
    """A string; a number is none."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class FromIntentSerializer(serializers.Serializer):
    handle = TextField(max_length=100)
    intent = TextField(max_length=LONGEST_INTENT)


class NothingSerializer(serializers.Serializer):
    """A body without fields."""


class ConnectSerializer(serializers.Serializer):
    provider = TextField(max_length=100)


class FetchSerializer(serializers.Serializer):
    url = serializers.URLField(max_length=2000)
    intent = TextField(max_length=LONGEST_INTENT)
    # Judged before, by the policy. Whether it was sent decides what a repeated pair means.
    idempotency_key = TextField(required=False, trim_whitespace=False)


def url_and_intent(request: Any) -> str | None:
    """
    Name what a fetch without a key asks for; None where its body is not one that the endpoint takes.

    The query belongs to it: a client that sent no key cannot have reused one for another query.
    """
    fetch = FetchSerializer(data=request.data)
    if not fetch.is_valid():
        return None
    asked = fetch.validated_data
    return json.dumps([asked["url"], asked["intent"], request.META.get("QUERY_STRING", "")])


class PostSerializer(serializers.ModelSerializer):
    post_id = serializers.CharField(source="id")

    class Meta:
        model = Post
        fields = ("post_id",)


class PipelineSerializer(serializers.ModelSerializer):
    pipeline_id = serializers.CharField(source="id")
    posts = PostSerializer(many=True)

    class Meta:
        model = Pipeline
        fields = ("pipeline_id", "run_id", "status", "handle", "intent", "posts")


class ArtifactSerializer(serializers.ModelSerializer):
    artifact_id = serializers.CharField(source="id")
    post_id = serializers.CharField()
    publications = serializers.IntegerField(source="publication_count")

    class Meta:
        model = Artifact
        fields = ("artifact_id", "run_id", "status", "post_id", "url", "intent", "publications")


class AccountSerializer(serializers.ModelSerializer):
    account_id = serializers.CharField(source="id")

    class Meta:
        model = Account
        fields = ("account_id", "provider")
