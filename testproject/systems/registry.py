"""The systems that are installed: each is one app, found by its ``AppConfig``."""

from django.apps import AppConfig, apps


class SystemConfig(AppConfig):
    """
    One public API of the demonstration.

    Beside the usual modules, its app has ``urls.py``, ``policy.py`` (with ``POLICY`` and ``ERRORS``: all that
    makes it differ from the others) and ``demo.py`` (what the demo plays with it).
    """

    # The first segment of its paths; also the name under which its credits are kept.
    prefix: str
    # Its name, for people.
    title: str
    # To how many credits seed_demo tops up each organization.
    credits: int = 0
    # A management command, with its arguments, that the demo runs beside its server.
    background: tuple[str, ...] = ()
    # A module to be run as a service outside of the project, and the environment variable that holds its URL.
    calls: tuple[str, str] | None = None


def systems() -> list[SystemConfig]:
    """List the installed systems, in the order of ``INSTALLED_APPS``."""
    return [config for config in apps.get_app_configs() if isinstance(config, SystemConfig)]
