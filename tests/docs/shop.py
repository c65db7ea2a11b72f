"""The app of a reader: what the pages import from `shop`."""

from __future__ import annotations

from django.db import models
from rest_framework.serializers import ModelSerializer


class Order(models.Model):
    item = models.CharField(max_length=100)
    quantity = models.PositiveIntegerField()
    owner = models.CharField(max_length=150, default="")
    # Written down, for the checker of types does not know this app.
    objects: models.Manager[Order] = models.Manager()

    class Meta:
        app_label = "shop"

    def __str__(self) -> str:
        return f"{self.quantity} x {self.item}"


class Payment(models.Model):
    amount = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    objects: models.Manager[Payment] = models.Manager()

    class Meta:
        app_label = "shop"

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class Provider:
    """The client of a payment provider."""

    def charge(self, amount: int, idempotency_key: str) -> str:
        return f"charge-{idempotency_key}"


class OrderSerializer(ModelSerializer):
    class Meta:
        model = Order
        fields = ("id", "item", "quantity")


class PaymentSerializer(ModelSerializer):
    class Meta:
        model = Payment
        fields = ("id", "amount", "currency")
