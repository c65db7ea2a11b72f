"""A project whose default policy follows a model."""

from django_idempotency import IdempotencyPolicy
from tests.settings import *  # noqa: F403

IDEMPOTENCY = {"POLICY": IdempotencyPolicy(follows=("app.Tag",))}  # type: ignore[dict-item]
