"""Identifiers that sort by age and say what they name."""

import secrets
import time

# Crockford's digits: no I, L, O or U to be misread.
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id(kind: str) -> str:
    """Make a fresh identifier, such as ``job_01J8ZC4QXB0W6V4K4T3N0Q2H5M``: 48 bits of time, 80 of chance."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return f"{kind}_{''.join(_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))}"
