"""
For a project's own tests: one call proves that an endpoint is idempotent.

    assert_idempotent(client, "POST", "/orders/", {"item": "book"}, format="json")

It works in TestCase and TransactionTestCase, under pytest-django, with Django's clients and DRF's. Nothing of the
package imports it.
"""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async

from ..policy import IdempotencyPolicy
from .proof import Expected, Proof
from .requests import Request

if TYPE_CHECKING:
    from django.test import AsyncClient, Client


def assert_idempotent(
    client: "Client | AsyncClient",
    method: str,
    path: str,
    data: Any = None,
    *,
    key: str | None = None,
    policy: IdempotencyPolicy | None = None,
    other_data: Any = None,
    other_client: "Client | AsyncClient | None" = None,
    key_required: bool = False,
    redacted: Callable[[bytes], bytes] | None = None,
    unavailable: bool = False,
    unchanged: Callable[[], Any] | None = None,
    ignore_tables: Collection[str] = (),
    **request: Any,
) -> Any:
    """
    Send a request, send it again, and hold the second answer to the first one.

    The first one must be stored, in exactly one record. The retry must have its status, its bytes, its Content-Type
    and its replayed headers, and the mark of a replay, which the first one must not have. It must write to no
    database, register no `on_commit` callback, send no mail, and leave every record as it is. In mode atomic the
    first request must write to no other database than that of its record. Where the policy requires a key, a
    request without one must be refused.

    The policy is that of the view which the path leads to, and says where the key is put.

    Args:
        client: of Django or of DRF, authenticated as its endpoint wants it.
        data, request: as that client's `post` takes them, such as `content_type=`, `format=` or `headers=`.
        key: the key to send. None: a new one.
        policy: in place of the view's, for a view that chooses its policy by the request.
        other_data: another body; under the same key it must be answered as the policy's `on_mismatch` says.
        other_client: another caller's; with the same request under the same key it must not get the first one's
            answer.
        key_required: a request without a key must be refused, whatever the policy says.
        redacted: what the view makes of a body before it is stored; the retry must have exactly that.
        unavailable: the response is one that is not kept (streamed, or too large), and the retry must say so.
        unchanged: gives a value that no retry may change, such as the number of calls of a provider.
        ignore_tables: tables that may be written to by whatever stands around the guard, such as "django_session".

    Returns:
        The first response.

    Raises:
        AssertionError: it is not idempotent; the message says what was wrong, where, and what to do.
        TypeError: `follow=True`, whose response is another request's; or one text in place of several tables.
        Exception: what the client lets through of the view.
    """
    __tracebackhide__ = True
    if request.get("follow"):
        raise TypeError("follow=True gives the response of another request: leave it out.")
    if isinstance(ignore_tables, str):
        raise TypeError(f"ignore_tables is a list of tables: write [{ignore_tables!r}].")
    expected = Expected(
        other_data=other_data,
        other_client=other_client,
        key_required=key_required,
        redacted=redacted,
        unavailable=unavailable,
        unchanged=unchanged,
        ignore_tables=frozenset(ignore_tables),
    )
    return Proof(client, Request(method.upper(), path, data, request), key, policy, expected).run()


async def aassert_idempotent(
    client: "Client | AsyncClient", method: str, path: str, data: Any = None, **options: Any
) -> Any:
    """`assert_idempotent`, for async tests: with Django's AsyncClient, or with any other client."""
    __tracebackhide__ = True
    # Django keeps a test's transaction in one thread, and so must everything that looks into it.
    return await sync_to_async(assert_idempotent)(client, method, path, data, **options)
