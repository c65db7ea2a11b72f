"""Where drf-spectacular meets guarded views: each is described through a subclass that knows of its guard."""

import sys
from types import new_class
from typing import Any
from weakref import WeakValueDictionary

from drf_spectacular.extensions import OpenApiViewExtension

from ...routes import guard_of

METHODS = ("POST", "PATCH", "PUT", "DELETE")
# One for each class as long as it is in use: drf-spectacular compares the classes of its views with each other.
_stand_ins: WeakValueDictionary[tuple[type, type], type] = WeakValueDictionary()


class GuardedViews(OpenApiViewExtension):  # type: ignore[no-untyped-call]  # its metaclass has no types
    """
    Describes guarded views; all others, and what other extensions make of a view, pass through.

    An extension and not a schema of the mixin's: only so a decorated handler, and a view with a schema of its own,
    are told of as well.
    """

    target_class = "rest_framework.views.APIView"
    match_subclasses = True
    # Only the first extension that matches is asked, so this one comes first and asks the others.
    priority = sys.maxsize

    def view_replacement(self) -> Any:
        view = self._replaced_by_others()
        if all(guard_of(self.target_callback, method) is None for method in METHODS):
            return view
        return stand_in(view, self.target)

    def _replaced_by_others(self) -> Any:
        for extension in sorted(self._registry, key=lambda each: each.priority, reverse=True):
            if extension is not type(self) and extension._matches(self.target):
                return extension(self.target_callback).view_replacement()
        return self.target


class GuardedSchema:
    """
    Stands in a view class for the `schema` that it inherits: the same one, which knows of the guard.

    drf-spectacular gives a view another schema, where a handler has one, only after it is made; whichever it is then
    goes through here.
    """

    def __init__(self, plain: Any, guarded: type) -> None:
        self.plain = plain
        self.guarded = guarded

    def __get__(self, view: Any, owner: type) -> Any:
        # It imports the views of DRF, which is too early while extensions are registered.
        from .schemas import aware

        schema = self.plain.__get__(view, owner)
        return schema if view is None else aware(schema, self.guarded)

    def __set__(self, view: Any, schema: Any) -> None:
        self.plain.__set__(view, schema)


def stand_in(view: type, guarded: type) -> type:
    """
    A subclass that drf-spectacular takes in place of a view.

    Args:
        view: what other extensions have made of it.
        guarded: the class that the URLconf has, which holds the policies.
    """
    found = _stand_ins.get((view, guarded))
    if found is None:
        # The names are those of the view: warnings point to it.
        names = {
            "__module__": view.__module__,
            "__qualname__": view.__qualname__,
            "__doc__": _description(view),
            "schema": GuardedSchema(_inherited(view, "schema"), guarded),
        }
        found = _stand_ins[view, guarded] = new_class(
            view.__name__, (view,), exec_body=lambda space: space.update(names)
        )
    return found


def _inherited(view: type, name: str) -> Any:
    """A descriptor itself, and not what it gives."""
    return next(vars(each)[name] for each in view.__mro__ if name in vars(each))


def _description(view: type) -> str:
    """The docstring that describes the view; that of IdempotencyMixin speaks to those who write views."""
    from drf_spectacular.settings import spectacular_settings

    libraries = spectacular_settings.GET_LIB_DOC_EXCLUDES()
    for each in view.__mro__:
        if each in libraries:
            break
        if each.__doc__ and each.__module__ != "django_idempotency.mixins":
            return each.__doc__
    # Not empty: in place of an empty one the next class's would be taken, and that is the mixin.
    return " "
