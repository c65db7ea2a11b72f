"""
Encryption of stored bodies: Fernet, with the keys of IDEMPOTENCY["ENCRYPTION_KEYS"].

What is encrypted is the digest of the record, and the body behind it: a body that is moved to another row is not taken
for that row's own.
"""

import base64
import hashlib
from functools import lru_cache
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.views.decorators.debug import sensitive_variables

from .conf import settings

MISSING = (
    'IDEMPOTENCY["ENCRYPTION_KEYS"] needs the package cryptography: install django-idempotency[encryption].'
)
# Never with a key, nor with a part of one.
BAD = (
    'IDEMPOTENCY["ENCRYPTION_KEYS"] must be a list of Fernet keys, each as '
    "cryptography.fernet.Fernet.generate_key() makes them."
)


class Unreadable(Exception):
    """A stored body that cannot be decrypted; the message says why, without secrets."""


class Ring:
    """
    The keys, by their ids; the first encrypts.

    Attributes:
        first: the id of the first: 16 hexadecimal digits of its hash.
    """

    def __init__(self, ciphers: dict[str, Any]) -> None:
        self.first = next(iter(ciphers))
        self.ids = frozenset(ciphers)
        self._ciphers = ciphers

    @sensitive_variables()
    def seal(self, digest: str, body: bytes) -> bytes:
        """Encrypt a body for the record of this digest."""
        token: bytes = self._ciphers[self.first].encrypt(bytes.fromhex(digest) + body)
        return base64.urlsafe_b64decode(token)  # a text of Fernet's is a third longer

    @sensitive_variables()
    def open(self, digest: str, body: bytes, sealed_with: str) -> bytes:
        """
        Decrypt the body of a record.

        Raises:
            Unreadable: its key is gone, it was made for another record, or it is damaged.
        """
        from cryptography.fernet import InvalidToken

        if sealed_with not in self._ciphers:
            raise Unreadable('its key is not in IDEMPOTENCY["ENCRYPTION_KEYS"]')
        try:
            plain: bytes = self._ciphers[sealed_with].decrypt(base64.urlsafe_b64encode(body))
        except InvalidToken:
            raise Unreadable("it is damaged, or was not made with its key") from None
        if plain[:32] != bytes.fromhex(digest):
            raise Unreadable("it was made for another record")
        return plain[32:]


def ring() -> Ring | None:
    """
    The keys in force; None where stored bodies are not encrypted.

    Raises:
        ImproperlyConfigured: one of them is no key, or the package is not installed.
    """
    if not settings().ENCRYPTION_KEYS:
        return None
    found = _ring(_keys())
    # Here, where no variable holds a key: error pages show the variables.
    if isinstance(found, str):
        raise ImproperlyConfigured(found)
    return found


def open_body(digest: str, body: bytes, sealed_with: str) -> bytes:
    """
    A stored body as it was sent; one that is not encrypted is that already.

    Raises:
        Unreadable: see `Ring.open`.
    """
    if not sealed_with:
        return body
    keys = ring()
    if keys is None:
        raise Unreadable('it is encrypted, and IDEMPOTENCY["ENCRYPTION_KEYS"] is empty')
    return keys.open(digest, body, sealed_with)


def _keys() -> tuple[str | bytes, ...] | None:
    keys: object = settings().ENCRYPTION_KEYS
    if isinstance(keys, list | tuple) and all(isinstance(key, str | bytes) for key in keys):
        return tuple(keys)
    return None


@lru_cache(maxsize=1)
def _ring(keys: tuple[str | bytes, ...] | None) -> Ring | str:
    """The keys, ready for use; or what is wrong with them."""
    try:
        from cryptography.fernet import Fernet
    except ImportError:
        return MISSING
    try:
        return Ring({_id(key): Fernet(key) for key in keys or ()}) if keys else BAD
    except ValueError:
        return BAD


def _id(key: str | bytes) -> str:
    return hashlib.sha256(base64.urlsafe_b64decode(key)).hexdigest()[:16]
