"""Where drf-spectacular is not, or is not asked for, it costs nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.servers import ROOT

SETUP = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "drf_spectacular":
            raise ImportError(name)

if {refuse}:
    sys.meta_path.insert(0, Refuse())
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "django_idempotency"],
)
django.setup()
import django_idempotency.decorators, django_idempotency.mixins
print(*(name for name in sys.modules if "spectacular" in name))
"""


@pytest.mark.parametrize("refuse", [True, False], ids=["not installed", "no app"])
def test_nothing_is_imported(refuse: bool) -> None:
    """Not installed, or not among the INSTALLED_APPS: neither it nor what speaks to it is imported."""
    done = subprocess.run(
        [sys.executable, "-c", SETUP.format(refuse=refuse)],
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("\n", "")
