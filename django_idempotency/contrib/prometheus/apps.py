from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured


class PrometheusConfig(AppConfig):
    name = "django_idempotency.contrib.prometheus"
    label = "django_idempotency_prometheus"
    verbose_name = "Idempotency metrics"

    def ready(self) -> None:
        try:
            import prometheus_client  # noqa: F401
        except ImportError as error:
            raise ImproperlyConfigured(
                f"{self.name} is among the INSTALLED_APPS: install django-idempotency[prometheus]."
            ) from error
        from . import metrics  # noqa: F401  (its receiver is connected by being imported)
