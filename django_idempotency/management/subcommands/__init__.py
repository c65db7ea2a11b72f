"""
The subcommands of `manage.py idempotency`. A new one is a module and a line here.

Results go to stdout, all else to stderr. Every subcommand ends with one of the statuses in `base`.
"""

from .audit import Audit
from .base import Subcommand
from .erase import Erase
from .purge import Purge
from .rotate_keys import RotateKeys
from .schedule import Schedule
from .show import Show

SUBCOMMANDS: dict[str, type[Subcommand]] = {
    "purge": Purge,
    "schedule": Schedule,
    "show": Show,
    "erase": Erase,
    "rotate-keys": RotateKeys,
    "audit": Audit,
}
