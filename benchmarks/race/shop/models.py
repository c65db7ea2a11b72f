"""The one effect that a request has."""

from __future__ import annotations

from django.db import models


class Payment(models.Model):
    # The idempotency key, so that the effects of each can be counted.
    reference = models.CharField(max_length=64, db_index=True)
    amount = models.IntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.reference}: {self.amount}"
