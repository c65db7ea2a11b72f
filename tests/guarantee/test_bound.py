"""A record that follows the object which its request made."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.db.models import Model
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone
from rest_framework.generics import CreateAPIView
from rest_framework.serializers import ModelSerializer

from django_idempotency import IdempotencyPolicy, bind
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin, IdempotentCreateMixin
from django_idempotency.models import IdempotencyRecord
from django_idempotency.resources import Resource
from tests.app.models import Effect
from tests.guarantee.desk import POLICY, assert_replays, assert_unavailable, effects, post, records
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.usefixtures("atomic_requests")]

STORES_ERRORS = POLICY.but(stored_errors=frozenset({422}))


class ProxyOfEffect(Effect):
    class Meta:
        proxy = True
        app_label = "app"


def make(request: HttpRequest) -> JsonResponse:
    effect = Effect.objects.create(label="made")
    bind(effect)
    return JsonResponse({"id": effect.pk}, status=201)


def refuse_after_binding(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"id": make(request).status_code}, status=422)


async def make_async(request: HttpRequest) -> JsonResponse:
    effect = await Effect.objects.acreate(label="made")
    bind(effect)
    return JsonResponse({"id": effect.pk}, status=201)


class EffectSerializer(ModelSerializer):
    class Meta:
        model = Effect
        fields = ("id", "label")


class Effects(IdempotentCreateMixin, CreateAPIView):
    queryset = Effect.objects.all()
    serializer_class = EffectSerializer
    idempotency_policy = POLICY


class OwnEffects(Effects):
    """Whoever overrides perform_create rarely calls super()."""

    def perform_create(self, serializer: Any) -> None:
        serializer.save(amount=7)


class Unbound(IdempotencyMixin, CreateAPIView):
    queryset = Effect.objects.all()
    serializer_class = EffectSerializer
    idempotency_policy = POLICY


def guarded(policy: IdempotencyPolicy, view: Callable[..., Any] = make) -> Any:
    return idempotent(policy)(view)


urlpatterns = [
    path("made/", guarded(POLICY)),
    path("gone/", guarded(POLICY.but(gone_status=410, lifetime=None))),
    path("open/", guarded(POLICY.but(required=False))),
    path("refused/", guarded(STORES_ERRORS, refuse_after_binding)),
    path("mixin/", Effects.as_view()),
    path("own/", OwnEffects.as_view()),
    path("unbound/", Unbound.as_view()),
    path("async/", guarded(POLICY, make_async)),
]


def delete_by_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM app_effect")


@pytest.mark.parametrize("url", ["/made/", "/mixin/", "/own/"])
@pytest.mark.parametrize(
    "delete",
    [
        lambda: Effect.objects.get().delete(),
        lambda: Effect.objects.all().delete(),
        lambda: Effect.objects.all()._raw_delete("default"),
        delete_by_sql,
    ],
    ids=["single", "queryset", "raw", "sql"],
)
def test_a_key_does_not_outlive_what_it_made(
    database: Database, url: str, delete: Callable[[], object]
) -> None:
    """REQ 20: whatever deletes the object, the retry is told so, gets no body, and makes nothing again."""
    first = post(url, label="x")
    assert first.status_code == 201
    assert_replays(url, first, label="x")
    delete()

    for _ in range(2):
        again = post(url, label="x")
        assert again.status_code == 404
        problem = json.loads(again.content)
        assert problem["code"] == "not_found"
        assert "Idempotent-Replayed" not in again.headers
        assert (again.headers["X-Should-Retry"], again.headers.get("Retry-After")) == ("false", None)
        assert "id" not in problem
    assert (effects(), records()) == (0, 1)


def test_an_async_view_binds(database: Database) -> None:
    """REQ 20, 29: bind() reaches the record of the request from the event loop's side too."""
    database.reconfigure(ATOMIC_REQUESTS=False)  # which Django refuses for async views
    assert_replays("/async/", post("/async/"))
    Effect.objects.all().delete()
    assert (post("/async/").status_code, effects()) == (404, 0)


def test_gone_may_be_410(database: Database) -> None:
    """REQ 20: the status is the policy's; a record without a lifetime lives on to say so."""
    post("/gone/")
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(days=400))
    Effect.objects.all().delete()
    assert (post("/gone/").status_code, effects()) == (410, 0)


def test_an_update_changes_nothing(database: Database) -> None:
    """REQ 20: the answer is the original one, whatever the object says today."""
    first = post("/mixin/", label="before")
    Effect.objects.update(label="after")
    assert_replays("/mixin/", first, label="before")


def test_an_expired_key_runs_again(database: Database) -> None:
    """REQ 12, 20: after its lifetime a key is free, also when what it made is gone."""
    post("/made/")
    Effect.objects.all().delete()
    IdempotencyRecord.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    first = post("/made/")
    assert first.status_code == 201
    assert_replays("/made/", first)
    assert effects() == 1


def test_a_stored_refusal_is_bound_to_nothing(database: Database) -> None:
    """REQ 10, 20: what was made before a stored error was rolled back with it, and its absence is no news."""
    first = post("/refused/")
    assert (first.status_code, effects()) == (422, 0)
    assert_replays("/refused/", first)


def test_another_body_is_refused_first(database: Database) -> None:
    """REQ 6: a key that comes with another request is refused as such, whatever became of the object."""
    post("/mixin/", label="x")
    Effect.objects.all().delete()
    assert b"idempotency_conflict" in post("/mixin/", label="y").content


def test_without_a_guard_nothing_is_bound(database: Database) -> None:
    """A handler need not know whether a key was sent."""
    from django.test import Client

    assert Client().post("/open/", {}, content_type="application/json").status_code == 201
    assert (effects(), records()) == (1, 0)


def test_unbound_records_do_not_look(database: Database) -> None:
    """REQ 20: only what was bound is followed: without bind() the answer outlives the object."""
    first = post("/unbound/", label="x")
    Effect.objects.all().delete()
    assert_replays("/unbound/", first, label="x")


def test_a_database_that_is_lost_at_the_look(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 24: a look that fails says 503, not that the object is gone."""
    post("/made/")

    def lost(self: Resource) -> bool:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(Resource, "exists", lost)
    assert_unavailable(post("/made/"))
    monkeypatch.undo()
    assert post("/made/").status_code == 201


def saved_session() -> Session:
    return Session.objects.create(session_key="a" * 32, expire_date=timezone.now())


@pytest.mark.parametrize(
    ("create", "expected"),
    [
        (lambda: Effect.objects.create(label="x"), "app.effect"),
        (lambda: ProxyOfEffect.objects.create(label="x"), "app.effect"),
        (lambda: Group.objects.create(name="x"), "auth.group"),
        (saved_session, "sessions.session"),
    ],
    ids=["model", "proxy", "another app", "text as key"],
)
def test_any_saved_object_can_be_found(
    database: Database, create: Callable[[], Model], expected: str
) -> None:
    """REQ 20: a resource is found again by its concrete model and its primary key, of whatever type."""
    made = create()
    resource = Resource.of(made)
    assert (resource.type, resource.id, resource.database) == (expected, str(made.pk), "default")
    assert resource.exists()
    type(made)._base_manager.filter(pk=made.pk).delete()
    assert not resource.exists()


def test_an_alias_that_is_given_up(database: Database) -> None:
    """An object whose alias no longer exists is looked for where the router says."""
    made = Resource.of(Effect.objects.create(label="x"))
    assert made._replace(database="former").exists()


def test_a_model_that_is_gone(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """A model that was renamed cannot be asked: never made again, and the operator is told."""
    assert not Resource("app.former", "1", "default").exists()
    assert "app.former" in caplog.text


def test_a_key_of_another_type(database: Database) -> None:
    """An object whose model had texts for keys and has numbers now cannot be asked for: never made again."""
    assert not Resource("app.effect", "a-text", "default").exists()


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (Effect(label="x"), ValueError, "not saved yet"),
        (Session(session_key=str(uuid.uuid4())), ValueError, "not saved yet"),
        (17, TypeError, "a model instance, not int"),
        (User, TypeError, "a model instance, not ModelBase"),
    ],
    ids=["unsaved", "unsaved with a key", "a number", "a class"],
)
def test_only_saved_objects_are_bound(
    database: Database, wrong: Any, error: type[Exception], words: str
) -> None:
    """A mistake in the call is told where it is made, with or without a guard around it."""
    with pytest.raises(error, match=words):
        bind(wrong)
