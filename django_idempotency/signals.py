"""
What the package tells of. None carries a key, a scope, a body or a user.

They are sent with `send_robust`: a receiver that fails is logged, and breaks nothing.
"""

from django.dispatch import Signal

# A guarded request was answered; after its transaction, where that was not the project's own. `event`: an `events.Event`.
request_answered = Signal()
# Somebody has done something to a record by hand, and it is committed. `action`: "completed", "released" or "expired";
# `endpoint`, `mode`: of the record.
record_settled = Signal()
# A purge has ended. `purged`: a `purge.Purged`; `database`: the alias.
records_purged = Signal()
