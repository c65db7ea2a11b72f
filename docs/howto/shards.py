"""Keeps what belongs to an organization, idempotency records included, in one of several databases."""

from contextvars import ContextVar

from django_idempotency.identity import prefix

SHARDS = ["default", "second"]
# The apps whose rows belong to an organization. All others are in "default" alone.
SHARDED = {"django_idempotency", "shop"}

_shard = ContextVar("shard", default=None)


def organization(request):
    """Who calls. It is the policy's scope too, so that a record is where its effects are."""
    return request.headers.get("X-Organization")


def shard_of(scope):
    """By the digits that all digests of a scope begin with: they are spread evenly, and never change."""
    return SHARDS[int(prefix(scope), 16) % len(SHARDS)]


class ShardMiddleware:
    """Chooses the database of a request. Put it behind whatever finds out who calls."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        scope = organization(request)
        token = _shard.set(shard_of(scope) if scope else None)
        try:
            return self.get_response(request)
        finally:
            _shard.reset(token)


class ByOrganization:
    """For DATABASE_ROUTERS. Outside a request, and for other apps, it leaves the choice to others."""

    def db_for_read(self, model, **hints):
        return _shard.get() if model._meta.app_label in SHARDED else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return app_label in SHARDED if db != "default" else None
