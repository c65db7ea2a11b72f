"""What the demo plays with Payments. Transfers wait for an operator when their outcome is unknown, so they have no part."""

from testproject.demo.endpoints import Effect, Endpoint, KeyInHeader, Rules

RULES = Rules(key=KeyInHeader("Idempotency-Key"), other_body=409)

ENDPOINTS = (
    Endpoint(
        "/payments/v1/charges",
        body=lambda number: {"amount": 1000 + number, "currency": "EUR", "description": f"Order {number}"},
        effect=Effect("/payments/v1/charges", "count"),
        # The money itself, which no rollback brings back.
        also=(Effect("/payments/v1/provider", "count"),),
    ),
)
