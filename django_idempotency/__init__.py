"""
Idempotency keys for Django and Django REST framework.

The views' side is `django_idempotency.mixins` and `django_idempotency.decorators`.
"""

from .choices import Fingerprint, KeySyntax, Mismatch, Mode
from .exceptions import IdempotencyError, PolicyError
from .keys import BodyField, Derived, Header
from .policy import REPLAYED_HEADERS, IdempotencyPolicy
from .presets import IETF, STRIPE
from .problems import Problem
from .resources import bind

__all__ = [
    "IETF",
    "REPLAYED_HEADERS",
    "STRIPE",
    "BodyField",
    "Derived",
    "Fingerprint",
    "Header",
    "IdempotencyError",
    "IdempotencyPolicy",
    "KeySyntax",
    "Mismatch",
    "Mode",
    "PolicyError",
    "Problem",
    "bind",
]
