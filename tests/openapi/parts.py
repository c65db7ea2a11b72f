"""What the tests of single views share."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from rest_framework import serializers
from rest_framework.generics import CreateAPIView

# Registers its extension, as the app does where drf-spectacular is one.
from django_idempotency.contrib.spectacular import views  # noqa: F401
from django_idempotency.mixins import IdempotencyMixin


class ItemSerializer(serializers.Serializer[Any]):
    item = serializers.CharField()


class Create(IdempotencyMixin, CreateAPIView[Any]):
    serializer_class = ItemSerializer


def schema_of(*patterns: Any) -> dict[str, Any]:
    """What is published of some routes; it is valid."""
    schema: dict[str, Any] = SchemaGenerator(patterns=list(patterns)).get_schema(public=True)
    validate_schema(schema)
    return schema


def operation(view: Any, method: str = "post") -> dict[str, Any]:
    """What the schema says of one method of a view."""
    found: dict[str, Any] = schema_of(path("x/", view))["paths"]["/x/"][method]
    return found


def keys(described: dict[str, Any]) -> dict[str, bool]:
    """Its headers, and whether they are required."""
    return {
        each["name"]: each.get("required", False)
        for each in described.get("parameters", [])
        if each["in"] == "header"
    }
