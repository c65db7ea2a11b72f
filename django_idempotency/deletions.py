"""
Hearing of deletions, of the models that a policy follows: the records of such an object are tombstones at once.

That is promptness, not the promise: a deletion that sends no signal (raw SQL, the database's own cascade) is found
by a look at the object when its record is replayed, and by the purge. Nothing listens to models that no policy names,
for a receiver costs a model its fast deletes.
"""

from collections import defaultdict
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model
from django.db.models.signals import post_delete

from .conf import resolve, settings
from .exceptions import PolicyError
from .models import IdempotencyRecord
from .policy import IdempotencyPolicy
from .tombstones import BATCH, bury

# Ids by where their records are and what they are ids of.
Deleted: TypeAlias = defaultdict[tuple[str, str], set[str]]

_followed: dict[tuple[str, str], IdempotencyPolicy] = {}
# What has been deleted in the open transaction of a connection; or was to be, in one that was rolled back.
_deleted: WeakKeyDictionary[BaseDatabaseWrapper, Deleted] = WeakKeyDictionary()


def follow(policy: IdempotencyPolicy | None) -> None:
    """
    Listen from now on, or from when the models are loaded.

    Raises:
        PolicyError: there is no such model.
    """
    if policy is not None and policy.follows:
        _followed.update({(label, policy.database or ""): policy for label in policy.follows})
        if apps.models_ready:
            connect()


def follow_default() -> None:
    """Listen to what IDEMPOTENCY["POLICY"] follows. Where that is wrong, a check says so."""
    with suppress(ImproperlyConfigured, ImportError):
        policy = resolve(settings().POLICY)
        if isinstance(policy, IdempotencyPolicy):
            follow(policy)


def connect() -> None:
    """Listen to all that policies follow; called once more when the models are loaded."""
    for (label, database), policy in _followed.items():
        try:
            model = apps.get_model(label)
        except LookupError as error:
            del _followed[label, database]  # it is told of once; others are followed all the same
            raise PolicyError(f"follows holds {label!r}, and there is no such model.") from error
        # A deletion through a proxy is told of under the proxy's name.
        for sender in {each for each in apps.get_models() if each._meta.concrete_model is model} | {model}:
            post_delete.connect(
                partial(_note, policy),
                sender=sender,
                weak=False,
                dispatch_uid=("django_idempotency", database),
            )


def _note(policy: IdempotencyPolicy, *, instance: Model, using: str, **kwargs: Any) -> None:
    meta = (instance._meta.concrete_model or type(instance))._meta
    deleted = _deleted.setdefault(connections[using], defaultdict(set))
    deleted[IdempotencyRecord.alias(policy), meta.label_lower].add(meta.pk.value_to_string(instance))

    def bury_deleted() -> None:  # no partial: Django wants the name of a hook that fails
        _bury_deleted(using)

    # Robust: the deletion is committed, and must not look as if it had failed.
    transaction.on_commit(bury_deleted, using, robust=True)


def _bury_deleted(using: str) -> None:
    """Bury all at the first of these hooks; what a rollback has brought back is left alone."""
    for (alias, type), ids in _deleted.pop(connections[using], {}).items():
        texts = sorted(ids)
        for start in range(0, len(texts), BATCH):
            while bury(alias, type, texts[start : start + BATCH], using)[1]:
                pass
