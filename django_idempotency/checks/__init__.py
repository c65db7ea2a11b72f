"""System checks, registered by being imported; docs/reference/checks.md has a heading for each id."""

from .databases import check_databases
from .routes import check_routes
from .schedules import check_purge
from .settings import check_settings

__all__ = ["check_databases", "check_purge", "check_routes", "check_settings"]
