"""What uvicorn serves to the tests of the rules."""

from __future__ import annotations

from django.conf import settings
from django.core.asgi import get_asgi_application

settings.ROOT_URLCONF = "tests.rules.test_hostile_targets"

application = get_asgi_application()
