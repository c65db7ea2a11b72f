"""The arguments of a guarded function: bound to its parameters, and what of them counts as "the same call"."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from inspect import Parameter, Signature, signature
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from asgiref.sync import iscoroutinefunction
from django.db.models import Model

T = TypeVar("T")
# By the names of the parameters.
Arguments: TypeAlias = dict[str, Any]

# What has one form, wherever and whenever it is written down.
PLAIN = (str, int, float, type(None), bytes, bytearray, Decimal, date, time, timedelta, UUID, Enum)


def bind(parameters: Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
    """
    The arguments of one call, however they were given; defaults included.

    Raises:
        TypeError: the function does not take these.
    """
    bound = parameters.bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments


def taking(function: Callable[..., T], names: Collection[str]) -> Callable[[Arguments], T]:
    """
    A function of a call's arguments, made of one that has, by name, those that it asks for; with `**others`, all.

    Args:
        names: of the arguments that there are.

    Raises:
        TypeError: it asks for others, or is async.
    """
    if iscoroutinefunction(function):
        raise TypeError("A function of the key or of the scope must not be async: nobody awaits it.")
    asked = signature(function).parameters.values()
    takes_all = any(each.kind is Parameter.VAR_KEYWORD for each in asked)
    missing = [each.name for each in asked if not _optional(each) and each.name not in names]
    if missing:
        raise TypeError(f"It asks for {', '.join(missing)}; the arguments are {', '.join(names)}.")
    given = [*names] if takes_all else [each.name for each in asked if each.name in names]

    def taken(arguments: Arguments) -> T:
        return function(**{name: arguments[name] for name in given})

    # What is wrong with its answer is said of it, and not of this.
    taken.__qualname__ = getattr(function, "__qualname__", type(function).__qualname__)
    return taken


def canonical(arguments: Arguments, counted: Collection[str]) -> Arguments:
    """
    The arguments for a fingerprint. A model instance stands for its row, and counts by its key.

    Args:
        counted: those that count; the others are left as they are.

    Raises:
        TypeError: what one of them holds differs from process to process, or an instance has not been saved.
    """
    return {name: _canonical(name, value) if name in counted else value for name, value in arguments.items()}


def _optional(parameter: Parameter) -> bool:
    variable = parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return variable or parameter.default is not Parameter.empty


def _canonical(name: str, value: Any) -> Any:
    if isinstance(value, Model):
        if value.pk is None:
            raise TypeError(f"The argument {name} has not been saved, so a retry cannot name it.")
        return [value._meta.label_lower, str(value.pk)]
    for leaf in _leaves(value):
        if not isinstance(leaf, PLAIN):
            raise TypeError(
                f"The argument {name} holds {type(leaf).__qualname__}, which has no form that a retry repeats: pass "
                "numbers, text, dates, lists and dicts, or name in fingerprint_fields the arguments that count."
            )
    return value


def _leaves(value: Any) -> Iterator[Any]:
    """All that is in nested lists and dicts, without recursion."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, Mapping):
            stack += _flat(item.items())
        elif isinstance(item, list | tuple):
            stack += item
        else:
            yield item


def _flat(pairs: Iterable[tuple[Any, Any]]) -> Iterator[Any]:
    for pair in pairs:
        yield from pair
