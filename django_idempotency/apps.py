from django.apps import AppConfig, apps


class IdempotencyConfig(AppConfig):
    name = "django_idempotency"
    verbose_name = "Idempotency"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, deletions  # noqa: F401  (checks are registered by being imported)

        deletions.connect()
        deletions.follow_default()
        if apps.is_installed("drf_spectacular"):
            from .contrib.spectacular import views  # noqa: F401  (its extension is registered by being imported)
