"""What an organization has at FirstHand. Every effect is counted, so that a stranger sees whether it happened twice."""

from django.db import models, transaction
from django.db.models import F
from django.http import Http404

from testproject.accounts.models import ApiKey, Balance, Organization
from testproject.firsthand.apps import FirstHandConfig
from testproject.systems.models import Resource

SYSTEM = FirstHandConfig.prefix


class Job(Resource):
    """A request for files, at a price for each."""

    class Status(models.TextChoices):
        OPEN = "open"
        CANCELLED = "cancelled"

    kind = "job"

    type = models.CharField(max_length=100)
    description = models.TextField()
    files_needed = models.PositiveIntegerField()
    accepted_formats = models.JSONField()
    price_per_file_cents = models.PositiveIntegerField()
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.OPEN)
    # How often it was rated, and the sum of the ratings.
    ratings = models.PositiveIntegerField(default=0)
    rating_sum = models.PositiveIntegerField(default=0)
    # Cancelling a cancelled job changes nothing else, so this is where a second cancellation shows.
    cancellations = models.PositiveIntegerField(default=0)

    def cancel(self) -> None:
        """Stop looking for files."""
        self.change(status=self.Status.CANCELLED, cancellations=F("cancellations") + 1)

    def rate(self, rating: int) -> None:
        """Say how it went."""
        self.change(ratings=F("ratings") + 1, rating_sum=F("rating_sum") + rating)

    def change(self, **values: object) -> None:
        """Change these columns and no other, by the database's own arithmetic: two changes at a time both count."""
        with transaction.atomic(savepoint=False):  # the row is there until it has been read again
            if values and not Job.objects.filter(pk=self.pk).update(**values):
                raise Http404("The job has been deleted meanwhile")
            self.refresh_from_db()


class IssuedKey(Resource):
    """An API key that was made over the API. Its secret is a token like any other, and is shown once."""

    kind = "key"

    name = models.CharField(max_length=100)
    api_key = models.OneToOneField(ApiKey, on_delete=models.CASCADE, related_name="+")


class WebhookEndpoint(Resource):
    """Where FirstHand reports to."""

    kind = "we"

    url = models.URLField(max_length=500)


class Purchase(Resource):
    """Credits that were bought."""

    kind = "pur"

    credits = models.PositiveIntegerField()
    # After the purchase.
    balance = models.PositiveBigIntegerField()

    @classmethod
    def make(cls, organization: Organization, credits: int, request_id: str) -> "Purchase":
        """Buy credits."""
        balance = Balance.objects.add(organization, SYSTEM, credits)
        return cls._default_manager.create(
            organization=organization, credits=credits, balance=balance, request_id=request_id
        )
