"""What the bodies of several systems have in common."""

from rest_framework import serializers


class NoFieldsSerializer(serializers.Serializer):
    """Takes an object whose fields are all unknown."""
