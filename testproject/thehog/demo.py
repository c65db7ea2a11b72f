"""What the demo plays with The Hog."""

from testproject.demo.endpoints import Effect, Endpoint, KeyInHeader, Rules

RULES = Rules(key=KeyInHeader("Idempotency-Key"), other_body=None)

# A job and its price are one transaction, so a job too many is a credit too few.
CHARGE = Effect("/thehog/api/credits", "credits", each=-1)

ENDPOINTS = (
    Endpoint(
        "/thehog/api/people/enrich",
        body=lambda number: {"email": f"person.{number}@example.com"},
        effect=CHARGE,
    ),
    Endpoint("/thehog/api/generate", body=lambda number: {"prompt": f"Slogan {number}"}, effect=CHARGE),
    Endpoint(
        "/thehog/api/deep-research",
        body=lambda number: {"query": f"Why is the answer {number}?"},
        effect=Effect("/thehog/api/operations", "count"),
    ),
)
