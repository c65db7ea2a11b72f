"""What the demo plays with hrizn."""

from testproject.demo.caller import Caller
from testproject.demo.endpoints import Body, Effect, Endpoint, KeyInHeader, Rules

RULES = Rules(key=KeyInHeader("X-Idempotency-Key"), other_body=409)

PUBLIC = "/hrizn/v1/public"
IDEACLOUDS = f"{PUBLIC}/ideaclouds"
CONTENT = f"{PUBLIC}/content"
ITEM = f"{CONTENT}/{{id}}"
INVENTORY = f"{PUBLIC}/inventory"
DESCRIPTIONS = f"{INVENTORY}/descriptions"
BATCH = 2


def keyword(number: int) -> Body:
    return {"keyword": f"2026 Chevrolet Equinox EV range, number {number}"}


def title(number: int) -> Body:
    return {"title": f"Spring on the road, part {number}"}


def vin(number: int) -> Body:
    return {"vin": f"3GN7DNRP{number:09}"}


def note(number: int) -> Body:
    """A body where nothing is asked for: its fields are ignored, but they make it another request."""
    return {"note": f"Note {number}"}


def own_content(caller: Caller) -> dict[str, str]:
    """Make the content that a path names."""
    return {"id": caller.make(CONTENT, title(0), RULES)["id"]}


def vehicle(caller: Caller) -> dict[str, str]:
    """Name a vehicle; it need not be known."""
    return dict(vin(0))


ENDPOINTS = (
    Endpoint(IDEACLOUDS, body=keyword, effect=Effect(IDEACLOUDS, "count")),
    Endpoint(
        f"{IDEACLOUDS}/batch",
        body=lambda number: {"items": [keyword(number)] * BATCH},
        effect=Effect(IDEACLOUDS, "count", each=BATCH),
    ),
    Endpoint(CONTENT, body=title, effect=Effect(CONTENT, "count")),
    Endpoint(
        f"{CONTENT}/batch",
        body=lambda number: {"items": [title(number)] * BATCH},
        effect=Effect(CONTENT, "count", each=BATCH),
    ),
    Endpoint(f"{ITEM}/generate", body=note, target=own_content, effect=Effect(ITEM, "generations")),
    Endpoint(f"{CONTENT}/comparison", body=title, effect=Effect(CONTENT, "count")),
    Endpoint(f"{CONTENT}/model-landing", body=title, effect=Effect(CONTENT, "count")),
    Endpoint(f"{CONTENT}/sales-event", body=title, effect=Effect(CONTENT, "count")),
    Endpoint(f"{ITEM}/compliance", body=note, target=own_content, effect=Effect(ITEM, "compliance_checks")),
    Endpoint(f"{ITEM}/content-tools", body=note, target=own_content, effect=Effect(ITEM, "content_tools")),
    Endpoint(
        f"{INVENTORY}/{{vin}}/description", body=note, target=vehicle, effect=Effect(DESCRIPTIONS, "count")
    ),
    Endpoint(
        f"{DESCRIPTIONS}/batch",
        body=lambda number: {"items": [vin(number)] * BATCH},
        effect=Effect(DESCRIPTIONS, "count", each=BATCH),
    ),
)
