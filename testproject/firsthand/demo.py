"""What the demo plays with FirstHand."""

from testproject.demo.caller import Caller
from testproject.demo.endpoints import Effect, Endpoint, KeyInHeader, Rules

RULES = Rules(key=KeyInHeader("Idempotency-Key"), other_body=409, same_headers=("X-Request-Id",))

JOBS = "/firsthand/v1/jobs"
CREDITS = 5


def job(number: int) -> dict[str, object]:
    return {
        "type": "data_collection",
        "description": f"Photo of product packaging, number {number}",
        "files_needed": 10,
        "accepted_formats": ["image/jpeg"],
        "price_per_file_cents": 50,
    }


def own_job(caller: Caller) -> dict[str, str]:
    """Make the job that a path names."""
    return {"id": caller.make(JOBS, job(0), RULES)["id"]}


ENDPOINTS = (
    Endpoint("/firsthand/v1/jobs", body=job, effect=Effect(JOBS, "count")),
    Endpoint(
        "/firsthand/v1/jobs/{id}/cancel",
        body=lambda number: {"reason": f"Reason {number}"},
        target=own_job,
        effect=Effect("/firsthand/v1/jobs/{id}", "cancellations"),
    ),
    Endpoint(
        "/firsthand/v1/jobs/{id}/rate",
        body=lambda number: {"rating": 4, "comment": f"Comment {number}"},
        target=own_job,
        effect=Effect("/firsthand/v1/jobs/{id}", "ratings"),
    ),
    Endpoint(
        "/firsthand/v1/api_keys",
        body=lambda number: {"name": f"Server {number}"},
        effect=Effect("/firsthand/v1/api_keys", "count"),
    ),
    Endpoint(
        "/firsthand/v1/webhook_endpoints",
        body=lambda number: {"url": f"https://example.com/hooks/{number}"},
        effect=Effect("/firsthand/v1/webhook_endpoints", "count"),
    ),
    Endpoint(
        "/firsthand/v1/billing/purchase",
        body=lambda number: {"credits": CREDITS, "note": f"Invoice {number}"},
        effect=Effect("/firsthand/v1/billing", "balance", each=CREDITS),
    ),
)
