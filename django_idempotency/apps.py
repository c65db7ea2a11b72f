from django.apps import AppConfig


class IdempotencyConfig(AppConfig):
    name = "django_idempotency"
    verbose_name = "Idempotency"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, deletions  # noqa: F401  (checks are registered by being imported)

        deletions.connect()
