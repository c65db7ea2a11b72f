"""What gunicorn serves to the tests of the rules."""

from __future__ import annotations

from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.ROOT_URLCONF = "tests.rules.test_hostile_targets"

application = get_wsgi_application()
