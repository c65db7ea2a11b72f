"""Multipart bodies, written out byte by byte, with the boundary that a test wants."""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    name: str
    content: bytes
    filename: str | None = None
    content_type: str | None = None


def multipart(*parts: Part, boundary: str = "one") -> tuple[bytes, str]:
    """Return a body and its Content-Type."""
    lines = []
    for part in parts:
        file = "" if part.filename is None else f'; filename="{part.filename}"'
        lines += [f"--{boundary}", f'Content-Disposition: form-data; name="{part.name}"{file}']
        lines += [f"Content-Type: {part.content_type}"] if part.content_type else []
        lines += ["", part.content.decode("latin-1")]
    text = "\r\n".join([*lines, f"--{boundary}--", ""])
    return text.encode("latin-1"), f"multipart/form-data; boundary={boundary}"
