"""Build these pages: `sphinx-build -W -n docs docs/_build/html`."""

import tomllib
from pathlib import Path

metadata = tomllib.loads(Path(__file__).parent.parent.joinpath("pyproject.toml").read_text())["project"]

project = metadata["name"]
author = metadata["authors"][0]["name"]
release = metadata["version"]

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
# Links such as `policy.md#presets` go to headings.
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"{project} {release}"
