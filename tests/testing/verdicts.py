"""What the proof says of an endpoint that is not idempotent."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.testing.desk import prove


def fault(url: str, *args: Any, **options: Any) -> str:
    """What the proof says of an endpoint."""
    with pytest.raises(AssertionError) as caught:
        prove(url, *args, **options)
    return str(caught.value)


def says(expected: str, message: str) -> None:
    assert re.search(expected, message), message
