"""What a handler under test leaves in the database, so that a test can count it."""

from __future__ import annotations

from django.db import models


class Effect(models.Model):
    label = models.CharField(max_length=200)
    amount = models.IntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.label}: {self.amount}"
