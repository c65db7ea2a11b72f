"""The protocols that must hold, and the changes of them that must not."""

from __future__ import annotations

from typing import Any

from tests.model.atomic import Atomic
from tests.model.explore import Model
from tests.model.leased import Leased

PROTOCOLS: dict[str, Model[Any]] = {
    "atomic": Atomic(),
    "atomic, where advisory locks do nothing": Atomic(locks=False),
    "leased, fail": Leased("fail"),
    "leased, retry": Leased("retry"),
    "leased, reconcile": Leased("reconcile"),
}


def _both(mutant: str) -> dict[str, Model[Any]]:
    return {
        f"atomic: {mutant}": Atomic(mutant),
        f"leased: {mutant}": Leased("retry", mutant),
    }


MUTANTS: dict[str, Model[Any]] = {
    "atomic: 0 updated rows are ignored": Atomic("0 updated rows are ignored", locks=False),
    "leased: 0 updated rows are ignored": Leased("retry", "0 updated rows are ignored"),
    "leased: a waiter deletes the row": Leased("fail", "a waiter deletes the row"),
    **_both("the response is stored in a later commit"),
    **_both("an error of COMMIT releases the key"),
    **_both("the record is in a store that can be lost"),
    **_both("purge before retention"),
    "leased: the purge takes what is in flight or unknown": Leased(
        "fail", "the purge takes what is in flight or unknown"
    ),
    "leased: what is not finished expires": Leased("fail", "what is not finished expires"),
    "leased: an unknown outcome is taken over": Leased("fail", "an unknown outcome is taken over"),
    "leased: any exception releases the key": Leased("fail", "any exception releases the key"),
    "atomic: what is gone is made again": Atomic("what is gone is made again"),
}
