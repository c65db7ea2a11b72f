"""
Who takes part. What a contestant needs is imported when it is asked for: each lives in an environment of its own.

Each is set up as its own README has it, for a view that may be retried.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Settings = dict[str, Any]
View = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """
    One of them.

    Attributes:
        title: as the tables call it.
        view: guards the view.
        configure: changes the settings; given the places of the run, such as the URL of Redis.
        requires: what is installed beside Django and DRF; None: the environment of this run.
        prepare: makes tables that are no models; given the places too.
        acts: whether a request has an effect at all.
        store: where it keeps its records: "database", "redis", or "" for one that keeps none.
    """

    title: str
    view: Callable[[Any], View]
    configure: Callable[[Settings, Settings], object] = lambda settings, places: None
    prepare: Callable[[Settings], object] = lambda places: None
    requires: str | None = None
    acts: bool = True
    store: str = ""

    @property
    def replays(self) -> bool:
        return bool(self.store)


# -- No guard: what there is to lose ---------------------------------------------------------------


def bare(create: Any) -> View:
    view: View = create.as_view()
    return view


def in_atomic(create: Any) -> View:
    from django.db import transaction

    return transaction.atomic(bare(create))


def constant(create: Any) -> View:
    """A constant, after a look at one row by its primary key."""
    from django.db import connection
    from rest_framework.response import Response

    def post(self: Any, request: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT reference FROM shop_payment WHERE id = %s", [1])
            cursor.fetchall()
        return Response({"id": 1, "reference": "constant", "amount": 1}, status=201)

    return bare(type("Constant", (create,), {"post": post}))


# -- This package ------------------------------------------------------------------------------------


def guarded(mode: str) -> Callable[[Any], View]:
    def view(create: Any) -> View:
        from django_idempotency import IdempotencyPolicy, Mode
        from django_idempotency.mixins import IdempotencyMixin

        policy = IdempotencyPolicy(mode=Mode(mode))
        return bare(type("Guarded", (IdempotencyMixin, create), {"idempotency_policy": policy}))

    return view


def ours(settings: Settings, places: Settings) -> None:
    settings["INSTALLED_APPS"] += ["django_idempotency"]


def ours_encrypted(settings: Settings, places: Settings) -> None:
    ours(settings, places)
    settings["IDEMPOTENCY"] = {"ENCRYPTION_KEYS": [places["secret"]]}


# -- Others ------------------------------------------------------------------------------------------


def cached(settings: Settings, places: Settings, **lock: Any) -> None:
    settings["MIDDLEWARE"] += ["idempotency_key.middleware.ExemptIdempotencyKeyMiddleware"]
    settings["CACHES"] = {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": places["redis"],
            # Keys are stored without a time of their own; Django's five minutes are over before the race is.
            "TIMEOUT": 86_400,
        }
    }
    settings["IDEMPOTENCY_KEY"] = {
        "CONFLICT_STATUS_CODE": None,
        "STORAGE": {"CLASS": "idempotency_key.storage.CacheKeyStorage", "CACHE_NAME": "default"},
        "LOCK": {"ENABLE": False, **lock},
    }


def cached_and_locked(settings: Settings, places: Settings) -> None:
    kind = "idempotency_key.locks.redis.MultiProcessRedisLock"
    cached(settings, places, ENABLE=True, CLASS=kind, LOCATION=places["redis"], TIMEOUT=5)


def marked(create: Any) -> View:
    from idempotency_key.decorators import idempotency_key

    view: View = idempotency_key(bare(create))
    return view


def behind_middleware(backend: str) -> Callable[[Settings, Settings], None]:
    def configure(settings: Settings, places: Settings) -> None:
        settings["INSTALLED_APPS"] += ["drf_idempotency"]
        settings["MIDDLEWARE"] += ["drf_idempotency.middleware.IdempotencyMiddleware"]
        options = {"url": places["redis"]} if "redis" in backend else {}
        settings["IDEMPOTENCY"] = {
            "BACKEND": f"drf_idempotency.backends.{backend}",
            "BACKEND_OPTIONS": options,
        }

    return configure


def in_a_kit(store: str) -> Callable[[Any], View]:
    def view(create: Any) -> View:
        from idemkit import HttpConfig, PostgresBackend, RedisBackend
        from idemkit.contrib.drf import idempotent_view

        from benchmarks.race.project import PLACES

        kind = RedisBackend if store == "redis" else PostgresBackend
        backend = kind.from_url(PLACES["redis" if store == "redis" else "url"])
        mixin = idempotent_view(
            backend=backend, config=HttpConfig(scope=lambda request: str(request.user.pk))
        )
        return bare(type("Guarded", (mixin, create), {}))

    return view


def with_table_of_the_kit(places: Settings) -> None:
    subprocess.run([Path(sys.executable).with_name("idemkit"), "init-pg", places["url"]], check=True)


def with_recovery_points(settings: Settings, places: Settings) -> None:
    settings["INSTALLED_APPS"] += ["rest_framework_idempotency_key"]
    settings["MIDDLEWARE"] += ["rest_framework_idempotency_key.middleware.IdempotencyKeyMiddleware"]
    settings["IDEMPOTENCY_KEY_LOCK_TIMEOUT"] = 30


def decorated(create: Any) -> View:
    from rest_framework_idempotency_key.decorators import simple_idempotency_key_method

    return bare(type("Guarded", (create,), {"post": simple_idempotency_key_method(create.post)}))


def with_records(settings: Settings, places: Settings) -> None:
    settings["INSTALLED_APPS"] += ["drf_idempotencykey"]


def mixed_in(create: Any) -> View:
    from drf_idempotencykey.mixins import DrfIdempotencyKeyMixin

    return bare(type("Guarded", (DrfIdempotencyKeyMixin, create), {}))


CACHE = "django-idempotency-key==1.3.0"
MIDDLEWARE = "drf-idempotency[redis]==1.0.0"
KIT = "idemkit[redis,postgres]==1.0.2"
RECOVERY = "djangorestframework-idempotency-key==1.0.3"
RECORDS = "drf-idempotencykey==0.2.0"

CONTESTANTS = {
    "bare": Contestant(title="bare view", view=bare),
    "in-atomic": Contestant(title="bare view in atomic()", view=in_atomic),
    "constant": Contestant(title="a constant after one SELECT", view=constant, acts=False),
    "atomic": Contestant(
        title="**django-idempotency, atomic**", view=guarded("atomic"), configure=ours, store="database"
    ),
    "encrypted": Contestant(
        title="django-idempotency, encrypted",
        view=guarded("atomic"),
        configure=ours_encrypted,
        store="database",
    ),
    "leased": Contestant(
        title="django-idempotency, leased", view=guarded("leased"), configure=ours, store="database"
    ),
    "cache": Contestant(
        title="django-idempotency-key, Redis cache, no lock",
        view=marked,
        configure=cached,
        requires=CACHE,
        store="redis",
    ),
    "cache-lock": Contestant(
        title="django-idempotency-key, Redis lock",
        view=marked,
        configure=cached_and_locked,
        requires=CACHE,
        store="redis",
    ),
    "middleware-redis": Contestant(
        title="drf-idempotency, Redis",
        view=bare,
        configure=behind_middleware("redis.RedisBackend"),
        requires=MIDDLEWARE,
        store="redis",
    ),
    "middleware-database": Contestant(
        title="drf-idempotency, database",
        view=bare,
        configure=behind_middleware("database.DatabaseBackend"),
        requires=MIDDLEWARE,
        store="database",
    ),
    "kit-redis": Contestant(title="idemkit, Redis", view=in_a_kit("redis"), requires=KIT, store="redis"),
    "kit-database": Contestant(
        title="idemkit, PostgreSQL",
        view=in_a_kit("database"),
        prepare=with_table_of_the_kit,
        requires=KIT,
        store="database",
    ),
    "recovery": Contestant(
        title="djangorestframework-idempotency-key, database",
        view=decorated,
        configure=with_recovery_points,
        requires=RECOVERY,
        store="database",
    ),
    "records": Contestant(
        title="drf-idempotencykey, database",
        view=mixed_in,
        configure=with_records,
        requires=RECORDS,
        store="database",
    ),
}
