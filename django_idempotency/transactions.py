"""The transaction of one attempt. All that a guard protects is inside, the claim first of all."""

from django.core.exceptions import ImproperlyConfigured
from django.db import Error, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

MANUAL = (
    "The connection {!r} is not in autocommit mode, so nothing that a guard stores would be committed. Set AUTOCOMMIT "
    "to True in its DATABASES entry, and call set_autocommit(False) around no guarded view."
)


def begin(connection: BaseDatabaseWrapper, *, nested: bool) -> transaction.Atomic:
    """
    Our own transaction, or the one that is open already.

    Args:
        nested: a guarded handler has called another one.

    Raises:
        ImproperlyConfigured: the project commits by itself.
    """
    opened = connection.connection is not None
    commits = connection.autocommit if opened else connection.settings_dict["AUTOCOMMIT"]
    if not commits and not connection.in_atomic_block:
        raise ImproperlyConfigured(MANUAL.format(connection.alias))
    connection.rollback_exc = None  # type: ignore[attr-defined]  # the last one, which Django keeps; see `check_kept`
    if nested:  # a savepoint: that one's failure is its own
        return transaction.atomic(connection.alias)
    if not is_ours(connection):
        # ATOMIC_REQUESTS: claim, handler and response are still one COMMIT, the request's. No savepoint: they also
        # fail together, and a lock that is taken in a savepoint would go when that is rolled back.
        return transaction.atomic(connection.alias, savepoint=False)
    return transaction.atomic(connection.alias, durable=True)


def is_ours(connection: BaseDatabaseWrapper) -> bool:
    """Whether a transaction that is begun now can also be committed, apart from a test case's."""
    return not connection.in_atomic_block or _of_testcase(connection)


def check_kept(connection: BaseDatabaseWrapper) -> None:
    """
    Hold a success to its word: what it tells of must not be about to be rolled back.

    Raises:
        Error: the transaction is marked for rollback, by the handler, by an error that it swallowed, or by Django
            for a block without a savepoint inside. A rehearsal belongs in an `atomic()` block of its own.
    """
    if connection.needs_rollback:
        swallowed: Error | None = connection.rollback_exc  # type: ignore[attr-defined]  # unknown to the stubs
        raise swallowed or transaction.TransactionManagementError(
            "The handler answered with a success, but its transaction is marked for rollback."
        )


def _of_testcase(connection: BaseDatabaseWrapper) -> bool:
    """Whether the open transaction is django.test.TestCase's, in which `durable` is allowed to nest."""
    return bool(getattr(connection.atomic_blocks[-1], "_from_testcase", False))
