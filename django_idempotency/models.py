"""The record of one idempotency key."""

from typing import Self
from uuid import UUID

from django.db import models, router

from .choices import Mode, State
from .claims.base import COLUMNS, Row
from .fields import ByteText
from .identity import Identity, derive
from .indexes import SparseIndex
from .policy import IdempotencyPolicy


class IdempotencyRecord(models.Model):
    """
    What became of one (scope, endpoint, key).

    Times are the database's. A replay writes nothing here.
    """

    # See identity.Identity.digest. The primary key, because a second unique index would cost every replay a
    # sequence value on PostgreSQL, and every neighbour a gap lock on MariaDB.
    id = ByteText(primary_key=True, max_length=64, ascii_only=True, editable=False)
    scope = ByteText(max_length=255)
    endpoint = ByteText(max_length=255)
    key = ByteText(max_length=256, ascii_only=True, db_column="idempotency_key")
    mode = ByteText(max_length=8, ascii_only=True, choices=[(mode.value, mode.value) for mode in Mode])
    state = ByteText(max_length=16, ascii_only=True, choices=[(state.value, state.value) for state in State])
    # Its version comes first; see fingerprints.
    fingerprint = ByteText(max_length=160, ascii_only=True)

    response_status = models.PositiveSmallIntegerField(null=True)
    # A JSON list of pairs, in their order.
    response_headers = models.TextField(default="")
    # NULL in a completed record: it was not kept.
    response_body = models.BinaryField(null=True)
    # The id of the key that the body is encrypted with; empty where it is not.
    sealed_with = ByteText(max_length=16, ascii_only=True, default="", db_default="")

    # The object that the request made: its model's label, its primary key as text, its alias; see resources.
    resource_type = ByteText(max_length=200, default="")
    resource_id = ByteText(max_length=255, default="")
    # With a default in the database, for the release before this column, which may still be writing.
    resource_database = models.CharField(max_length=100, default="", db_default="")
    # Set: the record is a tombstone, without body and headers. See tombstones.
    resource_deleted_at = models.DateTimeField(null=True)

    # Mode leased only: who holds the claim, which attempt it is, until when.
    owner = models.UUIDField(null=True)
    attempt = models.PositiveIntegerField(default=1)
    lease_expires_at = models.DateTimeField(null=True)

    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    # NULL: for ever.
    expires_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        db_table = "idempotency_record"
        verbose_name = "idempotency record"
        indexes = (
            models.Index(fields=["key"], name="idempotency_record_key"),
            models.Index(fields=["resource_type", "resource_id"], name="idempotency_record_resource"),
            # Newest first, for people.
            models.Index(fields=["created_at"], name="idempotency_record_created"),
            # In flight and unknown: few, and looked for at night.
            SparseIndex(
                fields=["state", "created_at"],
                name="idempotency_record_unsettled",
                rows=~models.Q(state=State.COMPLETED.value),
            ),
        )
        permissions = (
            ("view_response_body", "Can view stored response bodies"),
            ("release_idempotencyrecord", "Can release the key of an unknown outcome"),
            ("resolve_idempotencyrecord", "Can resolve an unknown outcome"),
            ("expire_idempotencyrecord", "Can let an idempotency record expire"),
            ("purge_idempotencyrecord", "Can purge idempotency records"),
        )

    def __str__(self) -> str:
        return f"{self.endpoint} ({self.state})"

    def __repr__(self) -> str:
        return f"<IdempotencyRecord {self.pk[:24]} {self.state}>"  # neither key nor body: it ends up in logs

    def downstream_key(self, name: str = "") -> str:
        """What `downstream_key(name)` was in the handler: by this, a service that it called knows the request."""
        return derive(self.pk, name)

    @classmethod
    def alias(cls, policy: IdempotencyPolicy) -> str:
        """The database alias where the records of a policy are; never a replica."""
        return policy.database or router.db_for_write(cls)

    @classmethod
    def of(cls, identity: Identity, row: Row, policy: IdempotencyPolicy) -> Self:
        """The instance for a row that a claim has read. What was not read, such as the times, loads on access."""
        alias = cls.alias(policy)  # a router may fail, and an error page would show the values below
        names = ("id", "scope", "endpoint", "key", *COLUMNS)
        values = (
            identity.digest,
            identity.scope,
            identity.endpoint,
            identity.key,
            *row[len(row) - len(COLUMNS) :],
        )
        record = cls.from_db(alias, names, values)
        # As a query would give it; MariaDB and SQLite store text.
        record.owner = UUID(row.owner) if isinstance(row.owner, str) else row.owner
        return record


class IdempotencyAudit(models.Model):
    """A line about what somebody did to a record by hand. It outlives the record."""

    # The record's primary key. No foreign key: the record may be gone.
    record = ByteText(max_length=64, ascii_only=True, db_index=True)
    scope = ByteText(max_length=255)
    endpoint = ByteText(max_length=255)
    # "completed", "released", "expired" or "purged".
    action = ByteText(max_length=16, ascii_only=True)
    # The attempt that it was.
    attempt = models.PositiveIntegerField()
    who = models.CharField(max_length=255)
    why = models.TextField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "idempotency_audit"
        verbose_name = "idempotency audit line"

    def __str__(self) -> str:
        return f"{self.action} by {self.who}"


class IdempotencyPurge(models.Model):
    """One run of the purge over the records of one database."""

    began_at = models.DateTimeField()
    # NULL: under way, or killed.
    ended_at = models.DateTimeField(null=True)
    # Records removed, and records whose resource was found to be gone.
    expired = models.PositiveBigIntegerField(default=0)
    tombstones = models.PositiveBigIntegerField(default=0)
    # Where the look at the resources stopped, for the next run to go on: type and id. Empty: it came to the end.
    resource_type = ByteText(max_length=200, default="")
    resource_id = ByteText(max_length=255, default="")

    class Meta:
        db_table = "idempotency_purge"
        verbose_name = "idempotency purge"

    def __str__(self) -> str:
        return f"{self.began_at:%Y-%m-%d %H:%M}: {self.expired} expired, {self.tombstones} tombstones"


class IdempotencyCount(models.Model):
    """How many guarded requests of one hour ended in one way. See `counts`."""

    # One index, and no number of its own: two processes add to the same row.
    pk = models.CompositePrimaryKey("hour", "endpoint", "outcome")
    # Its beginning, in UTC.
    hour = models.DateTimeField()
    endpoint = ByteText(max_length=255)
    # One of `choices.Outcome`, or the code of a refusal.
    outcome = ByteText(max_length=48, ascii_only=True)
    requests = models.PositiveBigIntegerField()

    class Meta:
        db_table = "idempotency_count"
        verbose_name = "idempotency count"

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}h {self.endpoint}: {self.requests} {self.outcome}"
