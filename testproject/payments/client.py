"""
The client of the payment provider.

What goes wrong is told apart by what it says about the charge: it was not made (nothing was sent), it was refused,
or nobody knows.
"""

from functools import cache
from typing import Any

import httpx
from django.conf import settings
from rest_framework.exceptions import APIException

from django_idempotency import NothingHappened

Charge = dict[str, Any]


class Declined(APIException):
    """The provider has refused the charge, for good."""

    status_code = 402
    default_code = "card_declined"
    default_detail = "The charge was declined"


class Silent(APIException):
    """The provider may or may not have charged; under the guard, an exception like this leaves it unknown."""

    status_code = 502
    default_code = "provider_silent"
    default_detail = "The payment provider did not answer. Send it again with the same key"


def charge(key: str, **order: Any) -> Charge:
    """
    Charge, once for each key.

    Raises:
        NothingHappened: the provider could not be reached, so it was asked for nothing.
        Declined: it has refused.
        Silent: it did not say.
    """
    try:
        response = _http().post("/charges", json=order, headers={"Idempotency-Key": key})
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        # There was no connection over which anything could have been sent.
        raise NothingHappened("The payment provider cannot be reached. Nothing was charged.") from error
    except httpx.HTTPError as error:
        raise Silent from error
    if response.status_code == 402:
        raise Declined
    if response.status_code != 201:
        raise Silent
    return dict(response.json())


def find(key: str) -> Charge | None:
    """
    Tell what the provider has made of a key, if it knows it.

    Raises:
        Silent: it did not say.
    """
    response = _ask(f"/charges/{key}")
    return None if response.status_code == 404 else dict(response.json())


def count(account: str) -> int:
    """
    Tell how many charges the provider has made for an account.

    Raises:
        Silent: it did not say.
    """
    return int(_ask("/charges", account=account).json()["count"])


def _ask(path: str, **query: str) -> httpx.Response:
    try:
        response = _http().get(path, params=query)
    except httpx.HTTPError as error:
        raise Silent from error
    if response.status_code not in (200, 404):
        raise Silent
    return response


@cache
def _http() -> httpx.Client:
    """One client for each process, and all its threads."""
    given = settings.PAYMENTS
    # The proxies of the environment are not for a provider on this machine.
    return httpx.Client(base_url=given["PROVIDER_URL"], timeout=given["TIMEOUT"], trust_env=False)
