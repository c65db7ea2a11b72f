from django.apps import AppConfig


class IdempotencyConfig(AppConfig):
    name = "django_idempotency"
    verbose_name = "Idempotency"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401  (registered by being imported, once the settings are there)
