"""
Metrics for Prometheus: put "django_idempotency.contrib.prometheus" into INSTALLED_APPS.

An app, so that each process that serves requests has them from its start on, and no code of the project has to import
anything. They are in the default registry of prometheus_client, which whatever exposes metrics already reads.
"""
