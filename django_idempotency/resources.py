"""The object that a request made, as its record keeps it, and whether it is still there."""

import logging
from collections.abc import Collection
from typing import Any, NamedTuple

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connections, router
from django.db.models import Model, QuerySet

logger = logging.getLogger("django_idempotency")

ID_LENGTH = 255


class Resource(NamedTuple):
    """
    Where an object is, as a record keeps it.

    Attributes:
        type: the label of its concrete model, such as "shop.payment"; empty for no object.
        id: its primary key as text.
        database: the alias that it was saved under.
    """

    type: str = ""
    id: str = ""
    database: str = ""

    @classmethod
    def of(cls, instance: Model) -> "Resource":
        """
        Tell where a saved object is.

        Raises:
            TypeError: no model instance.
            ValueError: not saved, or its key is longer than a record holds.
        """
        if not isinstance(instance, Model):
            raise TypeError(f"bind() takes a model instance, not {type(instance).__name__}.")
        meta = (instance._meta.concrete_model or type(instance))._meta  # a proxy is the same object
        if instance._state.adding or instance.pk is None:
            raise ValueError(f"bind() takes a saved object, and this {meta.label} is not saved yet.")
        text = meta.pk.value_to_string(instance)
        if len(text) > ID_LENGTH:
            raise ValueError(
                f"The primary key of this {meta.label} is longer than {ID_LENGTH} characters as text."
            )
        return cls(meta.label_lower, text, instance._state.db or "")

    @staticmethod
    def gone(type: str, database: str, ids: Collection[str]) -> list[str]:
        """
        Tell which of several objects do not exist any more, in few statements.

        Of a model that was renamed, or whose keys are of another type now, none: that is no reason to take anything
        away.
        """
        try:
            model, objects = _objects(type, database)
        except LookupError:
            return []
        keys, refused = {}, 0
        for text in ids:
            try:
                keys[_key(model, text)] = text
            except LookupError:
                refused += 1
        if refused:
            logger.error("Records are bound to ids that no %s can have: has its key another type now?", type)
        there = set(objects.filter(pk__in=keys).values_list("pk", flat=True))
        missing = [text for key, text in keys.items() if key not in there]
        if there <= keys.keys():
            return missing
        # The database takes two texts for one that Python does not, such as "a" and "A": let it say so of each.
        return [text for text in missing if not Resource(type, text, database).exists()]

    def exists(self) -> bool:
        """
        Look for it, by its primary key: whatever deleted it, with or without a signal, this is the truth.

        A record that is bound to no object has none that could be gone.
        """
        if not self.type:
            return True
        try:
            model, objects = _objects(self.type, self.database)
            key = _key(model, self.id)
        except LookupError:
            return False
        return bool(objects.filter(pk=key).exists())

    def kept(self) -> "Resource":
        """
        Itself, or no object where there is none.

        What a handler binds in mode leased is shown at once, and may have been undone with the handler's other work:
        whoever finds out later that the request was carried out does not speak of that object.
        """
        return self if self.exists() else Resource()


def _objects(type: str, database: str) -> tuple[Any, "QuerySet[Any]"]:
    """A model by its label, and its objects there."""
    try:
        model = apps.get_model(type)
    except (LookupError, ValueError) as error:
        logger.error("Records are bound to %s, and there is no such model: renamed?", type)
        raise LookupError(type) from error
    # An alias that the project has given up: its objects are where the router says now.
    alias = database if database in connections else router.db_for_write(model)
    # Not the default manager, which may hide objects that are there.
    return model, model._base_manager.using(alias)


def _key(model: Any, text: str) -> Any:
    """
    A primary key of a model, of the text that a record has for it.

    Raises:
        LookupError: it can be no key of that model.
    """
    try:
        key = model._meta.pk.to_python(text)
        return tuple(key) if isinstance(key, list) else key  # a composite one, as the database gives it
    except (ValidationError, ValueError) as error:
        raise LookupError(model._meta.label) from error
