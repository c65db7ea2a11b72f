"""The records in Django's admin: found, read, and acted on by hand. Whoever looks changes nothing."""

from .lines import AuditAdmin, PurgeAdmin
from .records import RecordAdmin

__all__ = ["AuditAdmin", "PurgeAdmin", "RecordAdmin"]
