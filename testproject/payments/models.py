"""What an organization has paid. A row says that the provider has taken the money, and is written after that."""

from django.db import models

from testproject.systems.models import Resource


class Payment(Resource):
    """An amount of cents that the provider has taken."""

    amount = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    description = models.CharField(max_length=200)
    # The provider's own name for it. That no two rows have the same is the guard's doing.
    provider_charge = models.CharField(max_length=60, db_index=True)

    class Meta(Resource.Meta):
        abstract = True


class Charge(Payment):
    """Money for the organization."""

    kind = "ch"


class Transfer(Payment):
    """Money for somebody else."""

    kind = "tr"
