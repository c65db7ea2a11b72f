"""
Migrates and seeds the database of the environment.

Both in one process, ``python -m testproject.demo.preparing``: to load the project takes longer than either.
"""

import os

from django.core.management import execute_from_command_line

COMMANDS = (["migrate", "--no-input"], ["seed_demo"])


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "testproject.settings")
    for command in COMMANDS:
        execute_from_command_line(["manage.py", *command, "--verbosity", "0"])


if __name__ == "__main__":
    main()
