from testproject.demo.endpoints import Endpoint, KeyInHeader, Rules

RULES = Rules(key=KeyInHeader("Idempotency-Key"), other_body=409)
ENDPOINTS: tuple[Endpoint, ...] = ()
