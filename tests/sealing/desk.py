"""Secrets in every place where a request has room for them, and keys to encrypt them with."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet
from django.http import HttpRequest, JsonResponse
from django.test import Client

from django_idempotency import IdempotencyPolicy, Mode
from django_idempotency.models import IdempotencyRecord
from django_idempotency.scopes import everyone
from tests.app.models import Effect

SECRET = "5ecret"
KEY = f"key-{SECRET}-1"
BODY = f"body-{SECRET}-2"
ANSWER = f"answer-{SECRET}-3"
PLACE = f"/place-{SECRET}-4"
POLICY = IdempotencyPolicy(scope=everyone)
LEASED = POLICY.but(mode=Mode.LEASED)
MODES = {"atomic": POLICY, "leased": LEASED}
FIRST, SECOND, THIRD = (Fernet.generate_key().decode() for _ in range(3))


def encrypting(settings: Any, *keys: str) -> None:
    """Let stored bodies be encrypted with the first of these keys from now on."""
    settings.IDEMPOTENCY = {"ENCRYPTION_KEYS": list(keys)}


def pay(request: HttpRequest) -> JsonResponse:
    """Leave one effect, and answer with secrets."""
    effect = Effect.objects.create(label="paid")
    return JsonResponse({"id": effect.pk, "secret": ANSWER}, status=201, headers={"Location": PLACE})


def post(path: str, key: str = KEY, card: str = BODY) -> Any:
    client = Client(raise_request_exception=False)
    return client.post(path, {"card": card}, "application/json", headers={"Idempotency-Key": key})


def replays(path: str, first: Any, key: str = KEY) -> bool:
    """Whether a retry gets the same bytes, and nothing happens again."""
    before = Effect.objects.count()
    retry = post(path, key)
    same = (retry.status_code, retry.content) == (first.status_code, first.content)
    return same and "Idempotent-Replayed" in retry.headers and Effect.objects.count() == before


def record(key: str = KEY) -> IdempotencyRecord:
    return IdempotencyRecord.objects.get(key=key)


def stored(key: str = KEY) -> bytes:
    """The body as it is in the table."""
    return bytes(record(key).response_body or b"")
