"""
The subcommands of `manage.py idempotency`. A new one is a module and a line here.

Results go to stdout, all else to stderr. Every subcommand ends with one of the statuses in `base`.
"""

from .audit import Audit
from .base import Subcommand
from .erase import Erase
from .expire import Expire
from .list import List
from .purge import Purge
from .release import Release
from .resolve import Resolve
from .rotate_keys import RotateKeys
from .schedule import Schedule
from .show import Show

SUBCOMMANDS: dict[str, type[Subcommand]] = {
    "list": List,
    "show": Show,
    "release": Release,
    "resolve": Resolve,
    "expire": Expire,
    "purge": Purge,
    "schedule": Schedule,
    "erase": Erase,
    "rotate-keys": RotateKeys,
    "audit": Audit,
}
