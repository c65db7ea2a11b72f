"""Organizations, the keys they call with, and the credits they hold in each system."""

import hashlib

from django.db import models
from django.db.models import F
from rest_framework.exceptions import APIException


class Organization(models.Model):
    """A customer. DRF sees it as ``request.user``: an API key speaks for its organization."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)

    # What DRF's permissions ask of a request's user.
    is_authenticated = True

    def __str__(self) -> str:
        return self.name


def digest_of(token: str) -> str:
    """Name a token without keeping it."""
    return hashlib.sha256(token.encode()).hexdigest()


class ApiKey(models.Model):
    """
    A token that speaks for an organization.

    Only its digest is kept: the token itself is shown once, when the key is made.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "API key"
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name

    @classmethod
    def of_token(cls, token: str) -> "ApiKey | None":
        """Find the key that a caller presents, with its organization."""
        return cls._default_manager.select_related("organization").filter(digest=digest_of(token)).first()


class InsufficientCredits(APIException):
    """The organization cannot pay."""

    status_code = 402
    default_code = "insufficient_credits"
    default_detail = "There are not enough credits"


class BalanceManager(models.Manager["Balance"]):
    """Move credits by the database's own arithmetic, so that two at a time both count."""

    def add(self, organization: Organization, system: str, credits: int) -> int:
        """Add credits, and tell the new balance."""
        self.get_or_create(organization=organization, system=system)
        mine = self.filter(organization=organization, system=system)
        mine.update(credits=F("credits") + credits)
        return mine.values_list("credits", flat=True).get()

    def spend(self, organization: Organization, system: str, credits: int) -> None:
        """
        Take credits, if there are so many.

        Raises:
            InsufficientCredits: there are fewer; nothing is taken.
        """
        enough = self.filter(organization=organization, system=system, credits__gte=credits)
        if not enough.update(credits=F("credits") - credits):
            raise InsufficientCredits

    def of(self, organization: Organization, system: str) -> int:
        """Tell how many credits an organization holds in a system."""
        return (
            self.filter(organization=organization, system=system).values_list("credits", flat=True).first()
            or 0
        )


class Balance(models.Model):
    """The credits of one organization in one system."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="balances")
    system = models.CharField(max_length=40)
    credits = models.PositiveBigIntegerField(default=0)

    objects = BalanceManager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["organization", "system"], name="one_balance_per_system"),
        )

    def __str__(self) -> str:
        return f"{self.organization} in {self.system}: {self.credits}"
