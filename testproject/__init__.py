"""The demonstration: real APIs, each with its own idempotency rules, served from one process."""
