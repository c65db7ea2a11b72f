"""Finding records by what somebody has at hand: a key, a scope, an object, or the id that a log has shown."""

import re
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from django.apps import apps
from django.utils.translation import gettext_lazy as _

from ..exceptions import ScopeRequired
from ..identity import storable
from ..lookups import with_key, within
from ..rules import KEY_LENGTH
from ..tombstones import Records
from .walks import Narrow, Walk

HELP = _(
    "To the letter: a key, a scope, an object (as shop.order:17, or by its id alone), or the beginning of a record's id, "
    "as logs show it. key=…, scope=…, object=… and id=… look for one of these alone."
)
# So many are found, whatever there is; of more, the newest are looked for.
FEW = 1_000

SAID = re.compile(r"(key|scope|object|id)=(.*)", re.DOTALL)
OBJECT = re.compile(r"(\w+\.\w+):(.+)", re.DOTALL)
# Logs show 24 digits.
DIGITS = re.compile(r"[0-9a-f]{8,64}")


class Kind(NamedTuple):
    """One thing that a text may be. Each has an index."""

    noun: str
    narrow: Narrow


def search(text: str, walk: Walk) -> tuple[Walk, str]:
    """
    Narrow a walk to the records that a text means.

    Returns:
        the walk, and what has more records than are looked up one by one: "key", "scope" or "object"; or nothing.
    """
    found: list[str] = []
    records = walk.records.model._default_manager.using(walk.records.db)
    for noun, narrow in _kinds(text):
        # In the order of the primary key, which is that of chance: no database reads a long way to the first ones.
        pks = list(narrow(records).order_by("pk").values_list("pk", flat=True)[: FEW + 1])
        if len(pks) > FEW:
            return walk.asking(narrow), noun
        found += pks
    return walk.among(found), ""


def _kinds(text: str) -> Iterator[Kind]:
    """What a text may be, and what no record can have left out."""
    if said := SAID.fullmatch(text):
        only, text = said.groups()
    else:
        only, text = "", text.strip()
    if not storable(text, KEY_LENGTH):
        return
    for kind in _all_kinds(text):
        if only in ("", kind.noun):
            yield kind


def _all_kinds(text: str) -> Iterator[Kind]:
    if text.isascii():
        yield Kind("key", partial(with_key, text))
    yield Kind("scope", partial(_of_scope, text))
    if DIGITS.fullmatch(text):
        yield Kind("id", lambda records: records.filter(pk__gte=text, pk__lt=text + "g"))
    if typed := OBJECT.fullmatch(text):
        type, id = typed.groups()
        yield Kind("object", lambda records: records.filter(resource_type=type.lower(), resource_id=id))
    # The index begins with the type, so each is tried.
    types = [model._meta.label_lower for model in apps.get_models()]
    yield Kind("object", lambda records: records.filter(resource_type__in=types, resource_id=text))


def _of_scope(scope: str, records: Records) -> Records:
    try:
        return within(scope, records)
    except ScopeRequired:  # longer than any
        return records.none()
