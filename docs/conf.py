"""Build these pages: `sphinx-build -W -n docs docs/_build/html`."""

from importlib.metadata import version as installed

project = "django-idempotency"
author = "The django-idempotency authors"
release = installed("django-idempotency")

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
# Links such as `policy.md#on-mismatch` go to headings.
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"{project} {release}"
