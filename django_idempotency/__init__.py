"""
Idempotency keys for Django and Django REST framework.

The views' side is `django_idempotency.mixins` and `django_idempotency.decorators`.
"""

from .choices import Finding, Fingerprint, KeySyntax, Mismatch, Mode, Unknown
from .exceptions import IdempotencyError, LeaseLost, NothingHappened, PolicyError
from .handlers import abind, aextend, bind, downstream_key, extend, harmless
from .keys import BodyField, Derived, Header
from .policy import REPLAYED_HEADERS, IdempotencyPolicy
from .presets import IETF, STRIPE
from .problems import Problem

__all__ = [
    "IETF",
    "REPLAYED_HEADERS",
    "STRIPE",
    "BodyField",
    "Derived",
    "Finding",
    "Fingerprint",
    "Header",
    "IdempotencyError",
    "IdempotencyPolicy",
    "KeySyntax",
    "LeaseLost",
    "Mismatch",
    "Mode",
    "NothingHappened",
    "PolicyError",
    "Problem",
    "Unknown",
    "abind",
    "aextend",
    "bind",
    "downstream_key",
    "extend",
    "harmless",
]
