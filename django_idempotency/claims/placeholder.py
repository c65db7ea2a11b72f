"""
What MariaDB, MySQL and SQLite share: the claim is a row that the same transaction completes.

Nobody else ever sees the row before its response is in it: it is committed with it, or not at all.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from django.db.backends.utils import CursorWrapper

from ..resources import Resource
from .base import COLUMNS, TABLE, Claims, Entry

if TYPE_CHECKING:
    from ..responses import Snapshot


class PlaceholderClaims(Claims):
    """The statements, with the clock of the database to be filled in."""

    reads_first = True

    COMPLETE: ClassVar[str]

    @staticmethod
    def statements(*, now: str, later: str, left: str, anew: str) -> dict[str, str]:
        """
        Write the statements down.

        Args:
            now: the database's clock, in UTC, as Django stores a time.
            later: the same plus the lifetime, one parameter of seconds; NULL for NULL.
            left: seconds until expires_at.
            anew: now plus the lifetime that the record has had. One that was over before the response came begins
                again: an answer must not expire at once.
        """
        return {
            "READ": f"""
                SELECT state <> 'completed' OR expires_at IS NULL OR expires_at > {now}, {left},
                    state = 'in_progress' AND lease_expires_at <= {now}, resource_deleted_at IS NOT NULL,
                    {", ".join(COLUMNS)}
                FROM {TABLE} WHERE id = %s""",
            "INSERT": f"""
                INTO {TABLE} (id, scope, endpoint, idempotency_key, mode, state, fingerprint, response_headers,
                    resource_type, resource_id, resource_database, owner, attempt, lease_expires_at, created_at, expires_at)
                VALUES (%s, %s, %s, %s, %s, 'in_progress', %s, '', '', '', '', %s, 1, {later}, {now}, {later})""",
            "COMPLETE": f"""
                UPDATE {TABLE} SET state = 'completed', response_status = %s, response_headers = %s,
                    response_body = %s, sealed_with = %s, resource_type = %s, resource_id = %s, resource_database = %s,
                    completed_at = {now}, lease_expires_at = NULL,
                    expires_at = CASE WHEN expires_at > {now} THEN expires_at ELSE {anew} END
                WHERE id = %s AND state = 'in_progress'""",
        }

    @staticmethod
    def claim_parameters(entry: Entry) -> list[Any]:
        """The parameters of INSERT."""
        identity = entry.identity
        parts = (identity.digest, identity.scope, identity.endpoint, identity.key)
        held = entry.hold or (None, None)
        return [*parts, entry.mode, entry.fingerprint, *held, entry.seconds]

    def write(
        self, cursor: CursorWrapper, entry: Entry, snapshot: "Snapshot", made: Resource, *, new: bool
    ) -> bool:
        parameters = [*snapshot.columns, *made, entry.identity.digest]
        if entry.hold is None:
            cursor.execute(f"{self.COMPLETE} AND owner IS NULL", parameters)
        else:
            cursor.execute(f"{self.COMPLETE} AND owner = %s", [*parameters, entry.hold.owner])
        return bool(cursor.rowcount == 1)
