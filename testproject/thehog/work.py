"""What the jobs do. It takes no time and asks nobody, so that the same question always has the same answer."""

import hashlib
from typing import Any

from testproject.thehog.models import Operation


def perform(operation: Operation) -> dict[str, Any]:
    """Do the work of a job, and tell its result."""
    match operation.type:
        case Operation.Type.ENRICH:
            return enriched(operation.sent["email"])
        case Operation.Type.GENERATE:
            return {"text": f"About {operation.sent['prompt']}, in a few well-chosen words."}
        case Operation.Type.DEEP_RESEARCH:
            return researched(operation.sent["query"])
        case unknown:
            raise ValueError(f"There is no work of the type {unknown}")


def enriched(email: str) -> dict[str, Any]:
    """Find the person behind an address."""
    name, _, domain = email.partition("@")
    return {
        "name": " ".join(part.capitalize() for part in name.replace("_", ".").split(".") if part),
        "company": domain.partition(".")[0].capitalize(),
        # Numbers that no telephone has.
        "phone": f"+1-202-555-01{number_of(email) % 100:02d}",
    }


def researched(query: str) -> dict[str, Any]:
    """Answer a question at length."""
    number = number_of(query)
    return {
        "summary": f"There is more than one answer to: {query}",
        "sources": [f"https://example.com/studies/{number % 1000 + place}" for place in range(3)],
    }


def number_of(text: str) -> int:
    """Make a number of a text, always the same one."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
