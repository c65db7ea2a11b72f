"""The application of the storm, for a server."""

from __future__ import annotations

from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.ROOT_URLCONF = "tests.faults.storm.server"

application = get_wsgi_application()
