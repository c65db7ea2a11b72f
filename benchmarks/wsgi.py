"""The application of the benchmarks, for a server."""

from __future__ import annotations

from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.ROOT_URLCONF = "benchmarks.urls"

application = get_wsgi_application()
