"""Makes the tables of a contestant, and the caller; run in its environment."""

from __future__ import annotations

import django
from django.core.management import call_command


def main() -> None:
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)

    from benchmarks.race.project import CONTESTANT, PLACES
    from benchmarks.race.shop.models import Payment
    from benchmarks.race.shop.views import USER

    USER.save(force_insert=True)
    Payment.objects.create(reference="the first", amount=1)
    CONTESTANT.prepare(PLACES)


if __name__ == "__main__":
    main()
