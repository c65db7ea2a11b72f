"""The public names: a change of them is a change for every user."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from importlib.resources import files
from typing import Any

import pytest

import django_idempotency
from tests.rules import typed_api

NAMES = {
    "IETF",
    "REPLAYED_HEADERS",
    "STRIPE",
    "BodyField",
    "Derived",
    "Finding",
    "Fingerprint",
    "Header",
    "IdempotencyError",
    "IdempotencyPolicy",
    "KeySyntax",
    "LeaseLost",
    "Mismatch",
    "Mode",
    "NothingHappened",
    "PolicyError",
    "Problem",
    "Unknown",
    "abind",
    "aextend",
    "bind",
    "downstream_key",
    "extend",
    "harmless",
}
# What users import by its module.
BY_MODULE = {
    "client": ["AsyncIdempotentTransport", "IdempotentTransport", "is_replay", "key_of"],
    "decorators": ["idempotent"],
    "contrib.celery": ["idempotent_task"],
    "erasure": ["erase"],
    "functions": ["idempotent_function"],
    "mixins": ["IdempotencyMixin", "IdempotentCreateMixin"],
    "models": ["IdempotencyRecord"],
    "outcomes": ["IdempotencyOutcomeView"],
    "presets": ["DEFAULT", "IETF", "STRIPE", "render_stripe"],
    "problems": ["Problem", "render"],
    "purge": ["purge"],
    "scopes": ["attribute", "caller", "everyone"],
    "tasks": ["purge_expired"],
    "testing": ["aassert_idempotent", "assert_idempotent"],
}
CHOICES = {
    "Fingerprint": {"SEMANTIC", "RAW", "TARGET"},
    "KeySyntax": {"LENIENT", "STRICT", "LITERAL"},
    "Mismatch": {"REJECT", "REPLAY", "VALIDATE"},
    "Finding": {"NOT_DONE", "STILL_UNKNOWN"},
    "Mode": {"ATOMIC", "LEASED"},
    "Unknown": {"FAIL", "RETRY", "RECONCILE"},
}
CODES = {
    "idempotency_key_required",
    "invalid_idempotency_key",
    "idempotency_scope_required",
    "invalid_body",
    "idempotency_conflict",
    "idempotency_key_unknown",
    "idempotency_in_progress",
    "outcome_unknown",
    "nothing_happened",
    "not_found",
    "response_unavailable",
    "idempotency_unavailable",
}


def test_the_names_are_frozen() -> None:
    """`from django_idempotency import *` gives these names, neither more nor fewer, each of them there."""
    exported = django_idempotency.__all__
    assert len(exported) == len(set(exported))
    assert set(exported) == NAMES
    given: dict[str, Any] = {}
    exec("from django_idempotency import *", given)  # noqa: S102  (as a user writes it)
    assert {name for name in given if not name.startswith("__")} == NAMES


@pytest.mark.parametrize("module", BY_MODULE)
def test_names_by_module_are_there(module: str) -> None:
    """What users import by its module stays there, and says what it is for."""
    found = importlib.import_module(f"django_idempotency.{module}")
    for name in BY_MODULE[module]:
        value = getattr(found, name)
        assert not inspect.isroutine(value) or inspect.getdoc(value)


@pytest.mark.parametrize("name", CHOICES)
def test_choices_are_frozen(name: str) -> None:
    """The words of a policy are these."""
    assert {choice.name for choice in getattr(django_idempotency, name)} == CHOICES[name]


def test_codes_are_frozen() -> None:
    """REQ 17: each refusal has a stable code of its own, and a title."""
    kinds = django_idempotency.IdempotencyError.__subclasses__()
    assert sorted(kind.code for kind in kinds) == sorted(CODES)
    assert len({kind.title for kind in kinds}) == len(kinds)
    assert all(str(kind()) == kind.title for kind in kinds)


def test_public_names_are_documented() -> None:
    """Each public class says in its docstring what it is."""
    for name in NAMES - {"IETF", "STRIPE", "REPLAYED_HEADERS"}:
        value = getattr(django_idempotency, name)
        assert value.__doc__
        assert not value.__doc__.startswith(f"{name}(")


def test_the_package_is_typed() -> None:
    """Type checkers of users read the package's own types."""
    assert files("django_idempotency").joinpath("py.typed").is_file()


def test_the_typed_sample_runs() -> None:
    """The API as a typed project uses it is checked by mypy with the rest, and imports."""
    assert dataclasses.is_dataclass(typed_api.PAYMENTS)
    assert typed_api.PAYMENTS.required
    assert typed_api.bare.__name__ == "bare"
    assert inspect.iscoroutinefunction(typed_api.asynchronous)
