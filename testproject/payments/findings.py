"""Finding out what became of a payment whose worker was lost: the provider knows, by the downstream key."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from rest_framework.renderers import JSONRenderer

from django_idempotency import Finding
from django_idempotency.models import IdempotencyRecord
from testproject.accounts.scopes import organization_of
from testproject.payments import client
from testproject.payments.models import Charge, Payment, Transfer
from testproject.payments.policy import ERRORS
from testproject.payments.serializers import ChargeSerializer, PaymentSerializer, TransferSerializer


def find_out(record: IdempotencyRecord) -> HttpResponse | Finding:
    """Find out about a charge: what its policy asks when a request comes back."""
    return settle(record, Charge, ChargeSerializer)


def find_out_transfer(record: IdempotencyRecord) -> HttpResponse | Finding:
    """Find out about a transfer: what an operator asks."""
    return settle(record, Transfer, TransferSerializer)


def settle(
    record: IdempotencyRecord, model: type[Payment], serializer: type[PaymentSerializer]
) -> HttpResponse | Finding:
    """
    Ask the provider; if it has taken the money, write the row that is missing, and the answer that the client missed.

    "Not done" is said of a request that may still be on its way to the provider. That is safe: whoever is second,
    that request or the one that runs now, has the same key, and the provider charges once.
    """
    try:
        taken = client.find(record.downstream_key())
    except client.Silent:
        return Finding.STILL_UNKNOWN
    if taken is None:
        return Finding.NOT_DONE
    if taken["status"] == "declined":
        refusal = client.Declined
        body = ERRORS.body(refusal.default_code, refusal.default_detail, HttpRequest())
        return answer(body, refusal.status_code)
    # Its writes of before, if there were any, went with the worker: this one is committed with the answer.
    payment = model._default_manager.create(
        organization=organization_of(record.scope),
        provider_charge=taken["id"],
        **{name: taken[name] for name in ("amount", "currency", "description")},
    )
    response = answer(serializer(payment).data, 201)
    response.headers["Location"] = reverse(f"payments:{model._meta.model_name}-detail", args=[payment.pk])
    return response


def answer(data: Any, status: int) -> HttpResponse:
    """Render as the views do, so that no client can tell it from theirs."""
    return HttpResponse(JSONRenderer().render(data), status=status, content_type="application/json")
