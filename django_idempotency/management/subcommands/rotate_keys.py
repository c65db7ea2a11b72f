"""``manage.py idempotency rotate-keys``: encrypts stored bodies with the first of the keys."""

from dataclasses import asdict

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandParser

from ...ciphers import ring
from ...models import IdempotencyRecord
from ...sealing import Rotated, rotate
from .base import LEFT, Subcommand, add_bounds, number
from .progress import progress


class RotateKeys(Subcommand):
    help = "Encrypt the stored bodies with the first of the ENCRYPTION_KEYS, so that older keys can go."

    @classmethod
    def add_to(cls, parser: CommandParser) -> None:
        super().add_to(parser)
        add_bounds(parser, rest=1.0)

    def run(self) -> None:
        with progress(self.stderr, self._due) as advance:

            def tell(rotated: Rotated) -> None:
                if advance is not None:
                    advance(rotated.rotated, f"{rotated.unreadable} unreadable")

            try:
                rotated = rotate(**self.bounds, progress=tell)
            except ImproperlyConfigured as error:
                self.fail(str(error))
        self.print(
            asdict(rotated),
            f"Encrypted {number(rotated.rotated, 'stored body', 'stored bodies')}; "
            f"{rotated.unreadable} cannot be decrypted.",
        )
        if rotated.left:
            self.fail(f"{rotated.left} are left: keep the older keys, and run it again.", LEFT)

    def _due(self) -> int:
        keys = ring()
        stored = IdempotencyRecord.objects.using(self.alias).filter(response_body__isnull=False)
        return stored.exclude(sealed_with=keys.first if keys else "").count()
