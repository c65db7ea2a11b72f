"""Metrics of guarded requests for Prometheus, as an app: `"django_idempotency.contrib.prometheus"` in INSTALLED_APPS."""
