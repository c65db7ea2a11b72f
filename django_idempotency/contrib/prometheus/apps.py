from django.apps import AppConfig


class PrometheusConfig(AppConfig):
    name = "django_idempotency.contrib.prometheus"
    label = "idempotency_prometheus"
    verbose_name = "Idempotency metrics"

    def ready(self) -> None:
        from . import metrics  # noqa: F401  (its receivers are connected by being imported)
