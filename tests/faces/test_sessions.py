"""Session authentication with its CSRF check, which reads the body first; and whoever else reads it first."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.test import Client
from django.urls import path
from django.views.decorators.csrf import csrf_protect, ensure_csrf_cookie
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from django_idempotency import Fingerprint, IdempotencyPolicy
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.faces.parts import REPLAYED, effects, same, send, user
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("sqlite")]

RAW = IdempotencyPolicy(fingerprint=Fingerprint.RAW)


class TrustedSession(BaseAuthentication):
    """The user that Django's middleware found; something there has read the form already."""

    def authenticate(self, request: Request) -> tuple[Any, Any]:
        form = request._request.POST
        return request._request.user, form.get("csrfmiddlewaretoken")


class Signed(BasePermission):
    """Reads the body before the view does, as a check of a signature would."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return "label" in request.data


class Pay(IdempotencyMixin, APIView):
    authentication_classes: Any = (SessionAuthentication,)

    def post(self, request: Request) -> Response:
        data: Any = request.data
        size = len(data["file"].read()) if "file" in data else 0
        effect = Effect.objects.create(label=data["label"], amount=size)
        return Response({"id": effect.pk, "size": size}, status=201)


class PaySigned(Pay):
    permission_classes = (Signed,)


class OnlyJSON(Pay):
    parser_classes = (JSONParser,)


class UnguardedJSON(OnlyJSON):
    idempotency_policy = IdempotencyPolicy(methods=("PUT",))


class Ignoring(OnlyJSON):
    authentication_classes: Any = (TrustedSession,)

    def post(self, request: Request) -> Response:
        return Response({"id": Effect.objects.create(label="x").pk}, status=201)


@idempotent
@csrf_protect
def plain(request: HttpRequest) -> HttpResponse:
    upload = request.FILES.get("file")
    size = len(upload.read()) if upload else 0
    return JsonResponse({"id": Effect.objects.create(label="x", amount=size).pk}, status=201)


@ensure_csrf_cookie
def form(request: HttpRequest) -> HttpResponse:
    return HttpResponse(get_token(request))


urlpatterns = [
    path("form/", form),
    path("pay/", Pay.as_view(), name="pay"),
    path("signed/", PaySigned.as_view(), name="signed"),
    path("json/", OnlyJSON.as_view(), name="json"),
    path("unguarded/json/", UnguardedJSON.as_view()),
    path("ignoring/", Ignoring.as_view(), name="ignoring"),
    path("raw/", Pay.as_view(idempotency_policy=RAW), name="raw"),
    path("plain/", plain, name="plain"),
    path("protected/", csrf_protect(idempotent(plain)), name="protected"),
    path("protected-raw/", csrf_protect(idempotent(RAW)(plain)), name="protected-raw"),
]


def signed_in(name: str = "ann", kind: type[Client] = APIClient) -> Any:
    caller = kind(enforce_csrf_checks=True)
    caller.force_login(user(name))
    caller.token = caller.get("/form/").content.decode()  # type: ignore[attr-defined]
    return caller


def pay(caller: Any, url: str, encoding: str, label: str = "x", content: bytes = b"one") -> Any:
    headers = {"X-CSRFToken": caller.token}
    data: dict[str, Any] = {"label": label}
    if encoding == "multipart":
        data["file"] = SimpleUploadedFile("a.bin", content)
    if isinstance(caller, APIClient):
        return send(caller, url, data, format=encoding, headers=headers)
    return send(caller, url, data, headers=headers)


@pytest.mark.parametrize("encoding", ["json", "multipart"])
@pytest.mark.parametrize("url", ["/pay/", "/signed/"])
def test_a_session_behind_csrf(database: Database, url: str, encoding: str) -> None:
    """REQ 4, 7: the body was read before the guard came: retries replay, another body is refused."""
    caller = signed_in()
    first = pay(caller, url, encoding)
    assert first.status_code == 201
    assert same(first, pay(caller, url, encoding))
    assert pay(caller, url, encoding, label="y").status_code == 422
    if encoding == "multipart":
        assert first.json()["size"] == len(b"one")
        assert pay(caller, url, encoding, content=b"two").status_code == 422
    assert effects() == 1


@pytest.mark.parametrize("url", ["/plain/", "/protected/"])
def test_a_plain_view_behind_csrf(database: Database, url: str) -> None:
    """REQ 7: the same for a Django view, with the check above and below the guard."""
    caller = signed_in(kind=Client)
    first = pay(caller, url, "multipart")
    assert first.status_code == 201
    assert same(first, pay(caller, url, "multipart"))
    assert pay(caller, url, "multipart", content=b"two").status_code == 422
    assert effects(amount=len(b"one")) == effects() == 1


@pytest.mark.parametrize("url", ["/pay/", "/protected/"])
def test_without_its_csrf_token_nothing_is_replayed(database: Database, url: str) -> None:
    """REQ 5: a replay is behind the CSRF check, and what the check refuses is not stored."""
    caller = signed_in()
    first = pay(caller, url, "json")
    token, caller.token = caller.token, "wrong"
    assert pay(caller, url, "json").status_code == 403
    other = signed_in("bob")
    other.token = "wrong"
    assert pay(other, url, "json").status_code == 403
    caller.token = token
    assert same(first, pay(caller, url, "json"))


def test_another_session_of_the_user_is_the_same_caller(database: Database) -> None:
    """REQ 4: the user counts, not the session; another user's session is another caller."""
    first = pay(signed_in("ann"), "/pay/", "json")
    assert same(first, pay(signed_in("ann"), "/pay/", "json"))
    assert REPLAYED not in pay(signed_in("bob"), "/pay/", "json").headers


@pytest.mark.parametrize(("url", "status"), [("/json/", 415), ("/unguarded/json/", 415), ("/ignoring/", 201)])
def test_a_form_to_a_view_that_reads_none(database: Database, url: str, status: int) -> None:
    """A form that no parser of the view reads is answered as without the guard, whoever has read it before."""
    caller = signed_in()
    answers = [pay(caller, url, "multipart") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, status]
    assert effects() == (1 if status == 201 else 0)


@pytest.mark.parametrize(("url", "kind"), [("/raw/", APIClient), ("/protected-raw/", Client)])
def test_raw_bytes_that_are_gone(database: Database, url: str, kind: type[Client]) -> None:
    """REQ 7: where the CSRF check has consumed the bytes, a policy of raw bytes compares what they meant."""
    caller = signed_in(kind=kind)
    first = pay(caller, url, "multipart")
    assert first.status_code == 201
    assert same(first, pay(caller, url, "multipart"))
    assert pay(caller, url, "multipart", content=b"two").status_code == 422
    assert effects() == 1
