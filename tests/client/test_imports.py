"""What the client needs, and how it is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

import django_idempotency.client as client
from tests.client.server import Script
from tests.servers import NO_CERTIFICATES

ALONE = """
import sys
import django_idempotency.client as client
assert not {"httpx", "httpx2", "anyio"} & set(sys.modules), "imported before it is used"
from django.conf import settings
assert not settings.configured
"""


def test_it_is_imported_without_settings_and_without_httpx() -> None:
    """REQ C: Importing it needs no settings, and costs no library."""
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_its_names_are_frozen() -> None:
    """REQ C: These are the names, and each says what it is."""
    assert client.__all__ == ["AsyncIdempotentTransport", "IdempotentTransport", "is_replay", "key_of"]
    assert all(getattr(client, name).__doc__ for name in client.__all__)


@pytest.mark.parametrize("entered", [True, False])
def test_the_inner_transport_is_closed_with_the_client(script: Script, entered: bool) -> None:
    """REQ C: The connections of the inner transport end with the client, entered or closed."""
    import httpx

    ended: list[str] = []

    class Inner(httpx.HTTPTransport):
        def close(self) -> None:
            ended.append("closed")
            super().close()

        def __exit__(self, *error: object) -> None:
            ended.append("left")
            super().__exit__()

    http = httpx.Client(transport=client.IdempotentTransport(Inner(verify=NO_CERTIFICATES)))
    if entered:
        with http:
            pass
    else:
        http.close()
    assert ended == (["left"] if entered else ["closed"])
