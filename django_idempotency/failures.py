"""What an exception out of a guarded transaction means; the rows of the failure table that are a decision."""

from enum import Enum, StrEnum

from django.db import Error, InterfaceError, OperationalError, connections

from .claims import claims_for
from .claims.base import Trouble


class Stage(StrEnum):
    """How far an attempt had come."""

    CLAIM = "claim"
    RUN = "run"
    STORE = "store"
    COMMIT = "commit"


class Verdict(Enum):
    """What follows."""

    # It is the handler's own error: rolled back, the key free, the error passed on.
    RAISE = "raise"
    # Everything was undone by the database to let another pass: claim again.
    AGAIN = "again"
    # The session ended under the request: only the database knows whether it was carried out, by us or by a retry.
    IN_DOUBT = "in doubt"
    # Nothing was done, and a later retry will be served.
    UNAVAILABLE = "unavailable"


def judge(stage: Stage, trouble: Trouble, *, joined: bool) -> Verdict:
    """
    Decide what a database error means.

    Args:
        joined: the transaction was not ours: neither to commit nor to begin again.
    """
    if trouble is Trouble.LOST:
        # Any other error of COMMIT is an answer: it was refused, and all is rolled back.
        return Verdict.UNAVAILABLE if stage is Stage.CLAIM or joined else Verdict.IN_DOUBT
    # A constraint that waited for COMMIT, a deadlock of the handler's own statements, are the handler's.
    if trouble is Trouble.OTHER or stage is Stage.RUN:
        return Verdict.RAISE
    if trouble is Trouble.AGAIN and not joined:
        return Verdict.AGAIN
    return Verdict.UNAVAILABLE


def lost(alias: str, error: Error) -> bool:
    """
    Whether an error of the project's own code, from before the handler, says that the database of the records is gone.

    Args:
        alias: of the records.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    connection = connections[alias]
    return claims_for(connection.vendor).trouble(connection, error) is Trouble.LOST
