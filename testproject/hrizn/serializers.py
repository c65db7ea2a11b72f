"""What hrizn takes and shows. Unknown fields are ignored."""

from typing import Any

from rest_framework import serializers

from testproject.hrizn.models import Content, Description, IdeaCloud
from testproject.systems.models import Resource


class IdeaCloudSerializer(serializers.ModelSerializer):
    class Meta:
        model = IdeaCloud
        fields = ("id", "keyword", "created_at")


class ContentSerializer(serializers.ModelSerializer):
    kind = serializers.CharField(source="content_kind", read_only=True)

    class Meta:
        model = Content
        fields = ("id", "kind", "title", "generations", "compliance_checks", "content_tools", "created_at")
        read_only_fields = ("generations", "compliance_checks", "content_tools")


class DescriptionSerializer(serializers.ModelSerializer):
    class Meta:
        model = Description
        fields = ("id", "vin", "created_at")


class BatchSerializer(serializers.Serializer):
    """Makes all of ``items`` or none: they are valid together, and stored by one statement."""

    def create(self, validated_data: dict[str, Any]) -> list[Resource]:
        items, common = validated_data.pop("items"), validated_data
        model = self.item.Meta.model
        return model._default_manager.bulk_create([model(**item, **common) for item in items])

    def to_representation(self, instance: list[Resource]) -> dict[str, Any]:
        results = [self.item.to_representation(made) for made in instance]
        return {"count": len(results), "results": results}

    @property
    def item(self) -> Any:
        """The serializer of one of them."""
        items: Any = self.fields["items"]
        return items.child


def up_to(limit: int, item: serializers.ModelSerializer) -> serializers.ListSerializer:
    """Take at least one, and no more than ``limit``."""
    return serializers.ListSerializer(child=item, allow_empty=False, max_length=limit)


class IdeaCloudBatchSerializer(BatchSerializer):
    items = up_to(25, IdeaCloudSerializer())


class ArticleBatchSerializer(BatchSerializer):
    items = up_to(10, ContentSerializer())


class DescriptionBatchSerializer(BatchSerializer):
    items = up_to(25, DescriptionSerializer())
