"""What a handler under test leaves in the database, so that a test can count it."""

from __future__ import annotations

import uuid

from django.db import models


class Effect(models.Model):
    label = models.CharField(max_length=200)
    amount = models.IntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.label}: {self.amount}"


class Line(models.Model):
    """Deleted with its effect, by Django."""

    effect = models.ForeignKey(Effect, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return f"of {self.effect}"


class Refund(Effect):
    """An effect with a table of its own beside that one."""

    reason = models.CharField(max_length=50, default="")


class Parcel(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    def __str__(self) -> str:
        return str(self.id)


class Tag(models.Model):
    name = models.CharField(max_length=50, primary_key=True)

    def __str__(self) -> str:
        return self.name


class Seat(models.Model):
    pk = models.CompositePrimaryKey("hall", "number")
    hall = models.CharField(max_length=20)
    number = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.number} in {self.hall}"


class AnyEffect(Effect):
    class Meta:
        proxy = True


class Entry(models.Model):
    """Deleted with its effect, by the database. Its table is made by the tests that need it."""

    effect = models.ForeignKey(Effect, on_delete=models.DO_NOTHING)

    class Meta:
        managed = False

    def __str__(self) -> str:
        return f"of {self.effect}"
