"""How a job comes into being."""

from functools import partial
from typing import Any

from django.db import transaction

from testproject.accounts.models import Balance, Organization
from testproject.thehog import tasks
from testproject.thehog.apps import TheHogConfig
from testproject.thehog.models import PRICE, Operation, UtcNow

SYSTEM = TheHogConfig.prefix


def accept(
    organization: Organization, type: Operation.Type, sent: dict[str, Any], request_id: str
) -> Operation:
    """
    Take a job and its price, and wake a worker once both are committed.

    Raises:
        InsufficientCredits: the organization cannot pay; there is no job.
    """
    # Of its own where no key was sent; else a part of the transaction that also stores the answer.
    with transaction.atomic():
        Balance.objects.spend(organization, SYSTEM, PRICE)
        operation = Operation.objects.create(
            organization=organization, type=type, sent=sent, request_id=request_id, stirred_at=UtcNow()
        )
        transaction.on_commit(partial(tasks.enqueue, operation.pk))
    return operation
