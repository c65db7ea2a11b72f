"""``manage.py seed_demo``: the organizations, tokens, credits and admin of the demonstration."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from testproject.accounts.models import ApiKey, Balance, Organization, digest_of
from testproject.accounts.seeds import ADMIN, ORGANIZATIONS, tokens_of
from testproject.systems.registry import systems


class Command(BaseCommand):
    help = (
        "Create what the demonstration needs. Safe to run again: nothing is doubled, credits are topped up."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("These tokens and this password are public: seed_demo runs with DEBUG only.")
        with transaction.atomic():
            for slug in ORGANIZATIONS:
                self.seed(slug)
            self.seed_admin()
        if options["verbosity"]:
            self.stdout.write(f"Organizations: {', '.join(ORGANIZATIONS)}. Admin: {ADMIN} / {ADMIN}")

    def seed(self, slug: str) -> None:
        organization, _ = Organization.objects.get_or_create(slug=slug, defaults={"name": slug.capitalize()})
        for token in tokens_of(slug):
            ApiKey.objects.get_or_create(
                digest=digest_of(token), defaults={"organization": organization, "name": token}
            )
        for system in systems():
            missing = system.credits - Balance.objects.of(organization, system.prefix)
            if missing > 0:
                Balance.objects.add(organization, system.prefix, missing)

    def seed_admin(self) -> None:
        users = get_user_model()._default_manager
        if not users.filter(username=ADMIN).exists():
            users.create_superuser(username=ADMIN, password=ADMIN)
