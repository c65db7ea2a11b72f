"""What the demo plays with SurveyCoder."""

from testproject.demo.caller import Caller
from testproject.demo.endpoints import Effect, Endpoint, KeyInHeader, Rules

RULES = Rules(key=KeyInHeader("Idempotency-Key"), other_body=400, same_headers=("X-Request-Id",))

PROJECTS = "/surveycoder/v1/projects"
RESPONSES = 2


def coding(number: int) -> dict[str, object]:
    return {
        "question": f"What could be better, in week {number}?",
        "responses": [f"Delivery in week {number} was late"] * RESPONSES,
    }


def own_project(caller: Caller) -> dict[str, str]:
    """Make the project that a question belongs to."""
    return {"project": caller.make(PROJECTS, {"name": "Customers"}, RULES)["id"]}


ENDPOINTS = (
    # Each response costs a credit: this is how often it was paid for.
    Endpoint(
        "/surveycoder/v1/code",
        body=coding,
        effect=Effect("/surveycoder/v1/credits", "credits", each=-RESPONSES),
    ),
    Endpoint(
        "/surveycoder/v1/projects",
        body=lambda number: {"name": f"Customers of week {number}"},
        effect=Effect(PROJECTS, "count"),
    ),
    Endpoint(
        "/surveycoder/v1/questions",
        body=lambda number: {"text": f"What could be better, in week {number}?"},
        target=own_project,
        in_body=("project",),
        effect=Effect("/surveycoder/v1/questions", "count"),
    ),
    Endpoint(
        "/surveycoder/v1/webhooks",
        body=lambda number: {"url": f"https://example.com/hooks/{number}"},
        effect=Effect("/surveycoder/v1/webhooks", "count"),
    ),
)
