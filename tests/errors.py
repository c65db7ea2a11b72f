"""Every refusal that the package knows."""

from django_idempotency import exceptions
from django_idempotency.exceptions import IdempotencyError

ERRORS: list[type[IdempotencyError]] = [
    each
    for each in vars(exceptions).values()
    if isinstance(each, type) and issubclass(each, IdempotencyError) and each is not IdempotencyError
]
