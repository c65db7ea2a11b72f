"""
What keeps a claim of mode leased, and what ends it: each a compare-and-set on its owner, by the database's clock.

A statement that changes no row says that the claim has gone to somebody else, or was resolved.
"""

from typing import Any

from django.db.backends.utils import CursorWrapper

TABLE = "idempotency_record"
# What a new claim sets in the columns of the request before.
CLEARED = """response_status = NULL, response_headers = '', response_body = NULL, sealed_with = '',
            resource_type = '', resource_id = '', resource_database = '', resource_deleted_at = NULL"""


class Leases:
    """
    The statements of one kind of database.

    Args:
        now: the database's clock, in UTC, as Django stores a time.
        later: the same plus one parameter of seconds.
        verb, row: how a statement's verb, or its condition on the id, says not to wait for a lock of the row.
    """

    def __init__(self, now: str, later: str, *, verb: str = "{}", row: str = "id = %s") -> None:
        mine = "WHERE id = %s AND owner = %s AND state = 'in_progress'"
        update, delete = verb.format("UPDATE"), verb.format("DELETE")
        self._extend = f"UPDATE {TABLE} SET lease_expires_at = {later} {mine}"
        self._renew = f"""
            UPDATE {TABLE} SET lease_expires_at = {later}, resource_type = '', resource_id = '', resource_database = ''
            {mine}"""
        self._bind = f"UPDATE {TABLE} SET resource_type = %s, resource_id = %s, resource_database = %s {mine}"
        # The session that was lost may hold the row for as long as the server has not heard of it. Nobody waits for that:
        # the lease will lapse.
        ended = f"WHERE {row} AND owner = %s AND state = 'in_progress'"
        self._doubt = f"{update} {TABLE} SET state = 'unknown', lease_expires_at = NULL {ended}"
        self._release = f"{delete} FROM {TABLE} {ended}"
        # Nobody holds it: its worker gave up, or was lost and has not been heard of for the time of its lease. A lock
        # is a sign of life: somebody is about to commit, or takes it over just now. Nobody waits for that.
        self._take = f"""
            {update} {TABLE}
            SET state = 'in_progress', owner = %s, attempt = attempt + 1, lease_expires_at = {later}
            WHERE {row} AND owner = %s
                AND (state = 'unknown' OR state = 'in_progress' AND lease_expires_at <= {now})"""

    def take(self, cursor: CursorWrapper, digest: str, seen: object, owner: str, seconds: float) -> bool:
        """
        Take over what `seen` left behind, for a new attempt; one of several wins.

        Raises:
            DatabaseError: one of `Claims.LOCKED`.
        """
        return _changed(cursor, self._take, [owner, seconds, digest, seen])

    def extend(self, cursor: CursorWrapper, digest: str, owner: str, seconds: float) -> bool:
        """Let the lease end so many seconds from now."""
        return _changed(cursor, self._extend, [seconds, digest, owner])

    def renew(self, cursor: CursorWrapper, digest: str, owner: str, seconds: float) -> bool:
        """Let the lease end so many seconds from now, and forget what another attempt has bound."""
        return _changed(cursor, self._renew, [seconds, digest, owner])

    def bind(self, cursor: CursorWrapper, digest: str, owner: str, resource: tuple[str, str, str]) -> bool:
        """Show what is being made to duplicates in flight."""
        return _changed(cursor, self._bind, [*resource, digest, owner])

    def doubt(self, cursor: CursorWrapper, digest: str, owner: str) -> bool:
        """Say that it is not known what the attempt has done."""
        return _changed(cursor, self._doubt, [digest, owner])

    def release(self, cursor: CursorWrapper, digest: str, owner: str) -> bool:
        """Free the key: the attempt has done nothing."""
        return _changed(cursor, self._release, [digest, owner])


def _changed(cursor: CursorWrapper, statement: str, parameters: list[Any]) -> bool:
    cursor.execute(statement, parameters)
    return bool(cursor.rowcount == 1)
