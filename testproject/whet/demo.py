"""What the demo plays with Whet."""

from testproject.demo.caller import Caller
from testproject.demo.endpoints import Body, Effect, Endpoint, KeyInBody, Rules

RULES = Rules(key=KeyInBody("idempotency_key"), other_body=None)

FROM_INTENT = "/whet/pipelines/from-intent"


def intent(number: int) -> Body:
    return {"handle": "growth_dr", "intent": f"Track for analytical drafts, daily, number {number}."}


def page(number: int) -> Body:
    return {"url": f"https://example.com/pages/{number}", "intent": "Summarise."}


def own_post(caller: Caller) -> dict[str, str]:
    """Make the pipeline whose post a path names."""
    pipeline_id = caller.make(FROM_INTENT, intent(0), RULES)["pipeline_id"]
    (post,) = caller.get(f"/whet/pipelines/{pipeline_id}")["posts"]
    return {"pipeline_id": pipeline_id, "id": post["post_id"]}


def own_artifact(caller: Caller) -> dict[str, str]:
    """Fetch the artifact that a path names."""
    return {"id": caller.make("/whet/fetch", page(0), RULES)["artifact_id"]}


ENDPOINTS = (
    Endpoint(FROM_INTENT, body=intent, effect=Effect("/whet/pipelines", "count")),
    Endpoint(
        "/whet/posts/{id}/draft",
        body=lambda number: {"note": f"Draft {number}"},
        target=own_post,
        effect=Effect("/whet/pipelines/{pipeline_id}/inbox", "count"),
    ),
    Endpoint(
        "/whet/artifacts/{id}/publish",
        body=lambda number: {"note": f"Publication {number}"},
        target=own_artifact,
        effect=Effect("/whet/artifacts/{id}", "publications"),
    ),
    Endpoint(
        "/whet/accounts/connect",
        body=lambda number: {"provider": f"provider-{number}"},
        effect=Effect("/whet/accounts", "count"),
    ),
    Endpoint("/whet/fetch", body=page, effect=Effect("/whet/artifacts", "count"), derives_key=True),
)
