"""
The mutants, by what they break.

Each statement that keeps a promise is written once for each database, so some mistakes can be made several times.
"""

from __future__ import annotations

from tests.mutants.mutant import Mutant

PACKAGE = "django_idempotency"
ATOMIC, LEASED = f"{PACKAGE}/atomic.py", f"{PACKAGE}/leased.py"
PURGE = f"{PACKAGE}/purge.py"
LEASES = f"{PACKAGE}/claims/leases.py"
POSTGRESQL, MYSQL = f"{PACKAGE}/claims/postgresql.py", f"{PACKAGE}/claims/mysql.py"
PLACEHOLDER, SQLITE = f"{PACKAGE}/claims/placeholder.py", f"{PACKAGE}/claims/sqlite.py"

OVERTAKEN = "tests/guarantee/test_overtaken.py"
SESSIONS = "tests/guarantee/test_sessions.py"
COMMIT = "tests/guarantee/test_commit.py"
FENCING, OUTCOMES = "tests/leased/test_fencing.py", "tests/leased/test_outcomes.py"
SPARES = "tests/guarantee/test_purge_spares.py"
FAULTS = "tests/faults"

IGNORED = (
    Mutant(
        model="atomic: 0 updated rows are ignored",
        file=ATOMIC,
        old="        if stored:\n",
        new="        if stored is not None:\n",
        tests=(f"{OVERTAKEN}::test_another_has_renewed_before_the_store",),
        on="postgresql",
    ),
    Mutant(
        model="atomic: 0 updated rows are ignored",
        where="another's record is there when the own one is written",
        file=POSTGRESQL,
        old="                raise\n            return False\n        return True",
        new="                raise\n        return True",
        tests=(f"{OVERTAKEN}::test_another_has_inserted_before_the_store",),
        on="postgresql",
    ),
    Mutant(
        model="atomic: 0 updated rows are ignored",
        where="the transaction that the handler has ended",
        file=POSTGRESQL,
        old="        if not messages.is_open(cursor.db):\n            return False",
        new="        if not messages.is_open(cursor.db):\n            pass",
        tests=("tests/guarantee/test_overruled.py::test_a_transaction_that_is_gone_is_no_success",),
        on="postgresql",
    ),
    Mutant(
        model="atomic: 0 updated rows are ignored",
        where="the placeholder that has gone",
        file=PLACEHOLDER,
        old="        return bool(cursor.rowcount == 1)",
        new="        return bool(cursor.rowcount <= 1)",
        tests=("tests/guarantee/test_overruled.py::test_a_transaction_that_is_gone_is_no_success",),
        on="mariadb",
    ),
    Mutant(
        model="atomic: 0 updated rows are ignored",
        where="the expired row that somebody else has taken over",
        file=MYSQL,
        old="        if row.live:\n            return row\n",
        new="",
        tests=(f"{OVERTAKEN}::test_another_has_finished_meanwhile",),
        on="mariadb",
    ),
    Mutant(
        model="leased: 0 updated rows are ignored",
        file=LEASED,
        old="stored = snapshot is not None and self._store(snapshot, handler.resource or Resource())",
        new="stored = snapshot is not None and (self._store(snapshot, Resource()) or True)",
        tests=(f"{FENCING}::test_a_zombie_answers_with_the_winners_response",),
        on="postgresql",
    ),
    Mutant(
        model="leased: 0 updated rows are ignored",
        where="a late worker overwrites, on PostgreSQL",
        file=POSTGRESQL,
        old="WHERE id = %s AND owner = %s AND state = 'in_progress'",
        new="WHERE id = %s AND (owner = %s OR TRUE) AND state = 'in_progress'",
        tests=(f"{FAULTS}/test_paused.py::test_taken_over_while_the_winner_still_runs",),
        on="postgresql",
    ),
    Mutant(
        model="leased: 0 updated rows are ignored",
        where="a late worker overwrites, on MariaDB",
        file=PLACEHOLDER,
        old='f"{self.COMPLETE} AND owner = %s"',
        new='f"{self.COMPLETE} AND (owner = %s OR TRUE)"',
        tests=(f"{FAULTS}/test_paused.py::test_taken_over_while_the_winner_still_runs",),
        on="mariadb",
    ),
    Mutant(
        model="leased: 0 updated rows are ignored",
        where="a late worker ends its successor's claim",
        file=LEASES,
        old='ended = f"WHERE {row} AND owner = %s AND',
        new='ended = f"WHERE {row} AND (owner = %s OR TRUE) AND',
        tests=(f"{FENCING}::test_a_late_worker_leaves_the_claim_of_its_successor_alone",),
        on="postgresql",
    ),
)

WAITERS = (
    Mutant(
        model="leased: a waiter deletes the row",
        file=LEASED,
        old="        if self.seen.known == State.IN_PROGRESS:\n",
        new="        if self.seen.known == State.IN_PROGRESS:\n"
        "            with self.connection.cursor() as cursor:\n"
        "                self.claims.leases.release(cursor, self.entry.identity.digest, self.seen.owner)\n",
        tests=(f"{OUTCOMES}::test_a_lost_worker_leaves_its_claim_until_the_lease_ends",),
    ),
)

LATER = (
    Mutant(
        model="atomic: the response is stored in a later commit",
        file=ATOMIC,
        old="        with Discreet():\n            stored =",
        new="        self.connection._commit()\n        with Discreet():\n            stored =",
        tests=(f"{SESSIONS}::test_a_lost_session_is_a_503_and_the_retry_runs",),
    ),
    Mutant(
        model="leased: the response is stored in a later commit",
        where="behind its fence",
        file=LEASED,
        old="        with Discreet(), self.claims.cursor(self.connection) as cursor:\n            return self.claims.store(",
        new="        self.connection._commit()\n"
        "        with Discreet(), self.claims.cursor(self.connection) as cursor:\n            return self.claims.store(",
        tests=(f"{FENCING}::test_a_zombie_answers_with_the_winners_response",),
        on="postgresql",
    ),
)

RELEASED = (
    Mutant(
        model="atomic: an error of COMMIT releases the key",
        file=ATOMIC,
        old="(row := self.read_anew()) is not None and row.live:\n",
        new="(row := self.read_anew()) is not None and row.live:\n"
        "            with self.connection.cursor() as cursor:\n"
        '                cursor.execute("DELETE FROM idempotency_record")\n',
        tests=(f"{COMMIT}::test_the_answer_of_commit_is_lost",),
    ),
    Mutant(
        model="leased: an error of COMMIT releases the key",
        where="applied",
        file=LEASED,
        old="        self.connection.close()\n        if (row := self._completed()) is not None:\n",
        new="        self.connection.close()\n        if (row := self._completed()) is not None:\n"
        "            with self.connection.cursor() as cursor:\n"
        '                cursor.execute("DELETE FROM idempotency_record")\n',
        tests=(f"{FAULTS}/test_commit.py::test_applied[postgresql-fail]",),
    ),
    Mutant(
        model="leased: an error of COMMIT releases the key",
        where="not applied",
        file=LEASED,
        old="            return row\n        self.lease.doubt()\n",
        new="            return row\n        self.lease.release()\n",
        tests=(f"{FAULTS}/test_commit.py::test_not_applied_in_mode_leased",),
        on="postgresql",
    ),
    Mutant(
        model="leased: any exception releases the key",
        file=LEASED,
        old="        if said_so or (raised is None and status < 500):",
        new="        if raised is not None or status < 500:",
        tests=(f"{OUTCOMES}::test_an_end_in_the_middle_is_unknown",),
    ),
)

LOST = (
    Mutant(
        model="atomic: the record is in a store that can be lost",
        where="a crash of the server empties it",
        file=f"{PACKAGE}/migrations/0003_audit.py",
        old="    operations = [\n",
        new='    operations = [\n        migrations.RunSQL("ALTER TABLE idempotency_record SET UNLOGGED"),\n',
        tests=(f"{FAULTS}/test_restart.py::test_while_it_is_away[mid-handler-atomic-postgresql]",),
    ),
    Mutant(
        model="leased: the record is in a store that can be lost",
        where="a crash of the server empties it",
        file=f"{PACKAGE}/migrations/0003_audit.py",
        old="    operations = [\n",
        new='    operations = [\n        migrations.RunSQL("ALTER TABLE idempotency_record SET UNLOGGED"),\n',
        tests=(f"{FAULTS}/test_restart.py::test_while_it_is_away[mid-handler-fail-postgresql]",),
    ),
    Mutant(
        model="atomic: the record is in a store that can be lost",
        where="written over another session",
        file=ATOMIC,
        old="        with Discreet():\n            stored =",
        new="        with self.connection.copy().cursor() as cursor:\n            stored =",
        tests=(f"{COMMIT}::test_a_constraint_that_waits_for_commit",),
        on="postgresql",
    ),
    Mutant(
        model="leased: the record is in a store that can be lost",
        where="written over another session",
        file=LEASED,
        old="        with Discreet(), self.claims.cursor(self.connection) as cursor:\n            return self.claims.store(",
        new="        with self.claims.cursor(self.connection.copy()) as cursor:\n            return self.claims.store(",
        tests=(f"{FAULTS}/test_commit.py::test_not_applied_in_mode_leased",),
        on="postgresql",
    ),
)

UNKNOWN = (
    Mutant(
        model="leased: an unknown outcome is taken over",
        file=LEASED,
        old="        policy = self.call.policy\n        same =",
        new="        policy = self.call.policy.but(on_unknown=Unknown.RETRY)\n        same =",
        tests=(f"{OUTCOMES}::test_an_end_in_the_middle_is_unknown",),
    ),
    Mutant(
        model="leased: an unknown outcome is taken over",
        where="with another body",
        file=LEASED,
        old="if policy.on_unknown is Unknown.FAIL or not same:",
        new="if policy.on_unknown is Unknown.FAIL:",
        tests=(f"{OUTCOMES}::test_another_body_never_runs_for_an_unknown_one",),
    ),
    Mutant(
        model="leased: an unknown outcome is taken over",
        where="before its lease is over",
        file=LEASES,
        old="state = 'in_progress' AND lease_expires_at <= {now})",
        new="state = 'in_progress')",
        tests=(f"{FENCING}::test_a_sign_of_life_after_the_lease",),
    ),
)

UNFINISHED = (
    Mutant(
        model="leased: what is not finished expires",
        where="as PostgreSQL reads it",
        file=POSTGRESQL,
        old="(state <> 'completed' OR expires_at IS NULL OR",
        new="(expires_at IS NULL OR",
        tests=("tests/guarantee/test_expiry.py::test_what_is_not_finished_does_not_expire",),
        on="postgresql",
    ),
    Mutant(
        model="leased: what is not finished expires",
        where="as MariaDB and SQLite read it",
        file=PLACEHOLDER,
        old="state <> 'completed' OR expires_at IS NULL OR",
        new="expires_at IS NULL OR",
        tests=("tests/guarantee/test_expiry.py::test_what_is_not_finished_does_not_expire",),
        on="mariadb",
    ),
    Mutant(
        model="leased: what is not finished expires",
        where="as mode atomic stores it on PostgreSQL",
        file=POSTGRESQL,
        old='        WHERE record.state = \'completed\' AND record.expires_at <= statement_timestamp()"""\n\n    # Mode leased',
        new='        WHERE record.expires_at <= statement_timestamp()"""\n\n    # Mode leased',
        tests=(f"{OVERTAKEN}::test_another_has_renewed_before_the_store",),
        on="postgresql",
    ),
    Mutant(
        model="leased: what is not finished expires",
        where="as mode leased claims it on PostgreSQL",
        file=POSTGRESQL,
        old='        WHERE record.state = \'completed\' AND record.expires_at <= statement_timestamp()"""\n\n    # A lifetime',
        new='        WHERE record.expires_at <= statement_timestamp()"""\n\n    # A lifetime',
        tests=(f"{OVERTAKEN}::test_another_is_under_way_meanwhile",),
        on="postgresql",
    ),
    Mutant(
        model="leased: what is not finished expires",
        where="as SQLite claims it",
        file=SQLITE,
        old="        WHERE state = 'completed' AND expires_at",
        new="        WHERE expires_at",
        tests=(f"{OVERTAKEN}::test_another_is_under_way_meanwhile",),
        on="sqlite",
    ),
)

GONE = (
    Mutant(
        model="atomic: what is gone is made again",
        file=f"{PACKAGE}/engine.py",
        old="        answer = (\n",
        new="        if isinstance(outcome, Row) and not outcome.resource.exists():\n"
        "            return Executed(call.bare(), stored=False)\n"
        "        answer = (\n",
        tests=("tests/guarantee/test_bound.py::test_a_key_does_not_outlive_what_it_made",),
    ),
)

# Two conditions keep them: by the time of their completion, and by their state.
BURIED = '''\
        pk__in=[pk for pk, id, _ in noted if id in gone], completed_at__lte=min(at for *_, at in noted)
    )
    made = change(
        bound,
        lambda records: records.update(
            response_body=None,
            response_headers="",
            sealed_with="",
            resource_deleted_at=Clock(),
            expires_at=Coalesce(F("expires_at"), Clock() + settings().TOMBSTONE_LIFETIME),
        ),
    )
    return made, more and made == most  # else the same would be found again


def standing(alias: str) -> Records:
    """The records that could become tombstones."""
    # Not one in flight, which shows what it is about to make, and not one whose outcome is unknown.
    completed = IdempotencyRecord.objects.using(alias).filter(state=State.COMPLETED)'''

PURGED = (
    *(
        Mutant(
            model=f"{mode}: purge before retention",
            file=PURGE,
            old="            state=State.COMPLETED, expires_at__lte=Clock()\n",
            new="            state=State.COMPLETED, expires_at__isnull=False\n",
            tests=(f"{SPARES}::test_what_may_still_be_asked_for",),
            on=f"sqlite-/{mode}/",
        )
        for mode in ("atomic", "leased")
    ),
    Mutant(
        model="leased: the purge takes what is in flight or unknown",
        file=PURGE,
        old="            state=State.COMPLETED, expires_at__lte=Clock()\n",
        new="            expires_at__lte=Clock()\n",
        tests=(f"{SPARES}::test_what_is_not_finished",),
    ),
    Mutant(
        model="leased: the purge takes what is in flight or unknown",
        where="for one whose object is gone",
        file=f"{PACKAGE}/tombstones.py",
        old=BURIED,
        new=BURIED.replace(", completed_at__lte=min(at for *_, at in noted)", "").replace(
            ".filter(state=State.COMPLETED)", ".all()"
        ),
        tests=(f"{SPARES}::test_while_a_handler_runs",),
    ),
)

MUTANTS = (*IGNORED, *WAITERS, *LATER, *RELEASED, *LOST, *UNKNOWN, *UNFINISHED, *GONE, *PURGED)
