"""The pages about the admin say what the admin does."""

from __future__ import annotations

import re

from django_idempotency.admin import actions, bodies, lists, search, walks
from django_idempotency.models import IdempotencyRecord
from tests.docs.pages import ROOT, page

HOWTO = page("docs/howto/operate-from-the-admin.md")
WHY = page("docs/explanation/admin.md")


def said(number: float) -> str:
    """A number as a page writes it."""
    return f"{number:,.0f}"


def test_every_permission_has_a_row() -> None:
    """The permissions of the page are those of the record."""
    own = [name for name, _ in IdempotencyRecord._meta.permissions]
    rows = [row[0].strip("`") for row in HOWTO.rows("Permission")]
    assert rows == ["view_idempotencyrecord", *own]


def test_every_action_is_told_of() -> None:
    """What can be done has a row that begins like its button."""
    titles = [str(operation.title).partition(":")[0] for operation in actions.OPERATIONS]
    assert [row[0] for row in HOWTO.rows("Action")] == [*titles, "Purge now"]


def test_the_bounds_are_those_of_the_code() -> None:
    """How far a search, a filter, a count, a purge and a body go is what the pages say."""
    assert f"newest {said(walks.WINDOW)} that come into question" in WHY.text
    assert f"up to {said(search.FEW)} records" in WHY.text
    assert f"Nothing is counted past {said(lists.BoundedPaginator.BOUND)}" in WHY.text
    assert f"it runs for {said(actions.PURGE)} seconds" in HOWTO.text
    assert f"the first {said(bodies.TEXT)} characters" in HOWTO.text


def test_every_index_has_a_row() -> None:
    """There are as many as the explanation says."""
    indexed = sum(bool(getattr(field, "db_index", False)) for field in IdempotencyRecord._meta.fields)
    assert len(WHY.rows("Index")) == 1 + indexed + len(IdempotencyRecord._meta.indexes)


def test_every_picture_is_shown_or_its_twin() -> None:
    """No picture lies there that no page needs: each is shown, or its twin of the other theme."""
    shown = set(re.findall(r"_static/admin/([\w-]+)\.png", HOWTO.text))
    names = {path.stem for path in ROOT.glob("docs/_static/admin/*.png")}
    assert shown <= names
    assert {name.rpartition("-")[0] for name in names} == {name.rpartition("-")[0] for name in shown}
