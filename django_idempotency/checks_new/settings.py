"""System checks; docs/reference/checks.md has a heading for each id."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router

from .choices import Mode
from .ciphers import ring
from .conf import Settings, resolve, settings
from .models import IdempotencyRecord
from .policy import IdempotencyPolicy
from .routes import routes

HINT = "See docs/reference/checks.md."


@register(Tags.compatibility)
def check_settings(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """IDEMPOTENCY can be read, and means what it says."""
    try:
        given = settings()
    except ImproperlyConfigured as error:
        return [Error(str(error), hint=HINT, id="django_idempotency.E001")]
    return [*_values(given)]


def _values(given: Settings) -> Iterator[CheckMessage]:
    for name in ("SCOPE", "RENDERER", "POLICY"):
        value = getattr(given, name)
        try:
            found = resolve(value)
        except ImportError as error:
            yield Error(f'IDEMPOTENCY["{name}"]: {error}', hint=HINT, id="django_idempotency.E002")
            continue
        if name == "POLICY" and not isinstance(found, IdempotencyPolicy):
            yield Error(
                'IDEMPOTENCY["POLICY"] is no IdempotencyPolicy.', hint=HINT, id="django_idempotency.E002"
            )
        elif name != "POLICY" and not callable(found):
            yield Error(f'IDEMPOTENCY["{name}"] is not callable.', hint=HINT, id="django_idempotency.E002")
    try:
        ring()
    except ImproperlyConfigured as error:
        yield Error(str(error), hint=HINT, id="django_idempotency.E004")
    enabled: object = given.ENABLED
    if not isinstance(enabled, bool):
        yield Error('IDEMPOTENCY["ENABLED"] must be True or False.', hint=HINT, id="django_idempotency.E002")
    elif not enabled:
        yield Warning(
            'IDEMPOTENCY["ENABLED"] is off: no view is guarded, and every retry runs again.',
            hint=HINT,
            id="django_idempotency.W001",
        )


@register(Tags.urls)
def check_routes(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """What the guarded routes ask of the project."""
    if not getattr(django_settings, "ROOT_URLCONF", None):
        return []
    try:
        settings()
    except ImproperlyConfigured:  # E001
        return []
    guarded = {
        (route.path, route.policy): route
        for route in routes("POST", "PATCH", "PUT", "DELETE")
        if route.policy is not None
    }
    return [found for (path, policy), route in guarded.items() for found in _route(path, policy, route.view)]


def _route(path: str, policy: IdempotencyPolicy, view: Any) -> Iterator[CheckMessage]:
    name = f"The route /{path}"
    alias = IdempotencyRecord.alias(policy)
    if policy.mode is Mode.ATOMIC:
        if alias != router.db_for_write(IdempotencyRecord):
            yield Warning(
                f"{name} keeps its records on {alias!r}: in mode atomic only what its handler writes to that database "
                "is exactly once. If it writes elsewhere, it needs mode=Mode.LEASED.",
                hint=HINT,
                id="django_idempotency.W006",
            )
        return
    joined = connections[alias].settings_dict["ATOMIC_REQUESTS"]
    if joined and alias not in getattr(view, "_non_atomic_requests", ()):
        yield Error(
            f"{name} is guarded in mode leased, whose claim is committed first, and ATOMIC_REQUESTS of {alias!r} puts "
            "it inside a transaction. Decorate the view with @transaction.non_atomic_requests.",
            hint=HINT,
            id="django_idempotency.E003",
        )
    if policy.lease.total_seconds() <= settings().REQUEST_TIMEOUT:
        yield Warning(
            f"{name} has a lease of {policy.lease.total_seconds():g} s, and a request may run for "
            f"{settings().REQUEST_TIMEOUT:g} s: a request that is still running could count as lost.",
            hint=HINT,
            id="django_idempotency.W005",
        )


@register(Tags.database)
def check_databases(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> Sequence[CheckMessage]:
    """The database of the records is set up so that the protocol holds."""
    alias = router.db_for_write(IdempotencyRecord)
    if databases is None or alias not in databases:
        return []
    return [*_database(alias)]


def _database(alias: str) -> Iterator[CheckMessage]:
    connection = connections[alias]
    options = connection.settings_dict.get("OPTIONS", {})
    deferred = str(options.get("transaction_mode") or "DEFERRED").upper() == "DEFERRED"
    if connection.vendor == "sqlite" and connection.settings_dict["ATOMIC_REQUESTS"] and deferred:
        yield Warning(
            f"ATOMIC_REQUESTS on SQLite ({alias}) begins with a read, so a claim fails at once when another "
            'request writes. Set OPTIONS["transaction_mode"] to "IMMEDIATE".',
            hint=HINT,
            id="django_idempotency.W002",
        )
    level = _isolation_level(connection.vendor, options)
    if level in ("repeatable read", "serializable"):
        yield Warning(
            f"The database {alias} runs at {level}; claims are written for READ COMMITTED. Effects stay exactly once, "
            "but racing duplicates may be refused with 503 and retried.",
            hint=HINT,
            id="django_idempotency.W003",
        )
    if django_settings.USE_TZ is False and connection.vendor in ("mysql", "sqlite"):
        yield Warning(
            f"With USE_TZ=False the times of idempotency records on {alias} are shown in UTC.",
            hint=HINT,
            id="django_idempotency.W004",
        )


def _isolation_level(vendor: str, options: dict[str, Any]) -> str:
    """The name of a configured level: a name on MariaDB and MySQL, a number of the driver's on PostgreSQL."""
    level = options.get("isolation_level", "read committed")
    if vendor == "postgresql" and "isolation_level" in options:
        from django.db.backends.postgresql.psycopg_any import IsolationLevel

        level = IsolationLevel(level).name
    # None leaves MariaDB and MySQL to the server's own default.
    return str(level or "repeatable read").lower().replace("_", " ")
