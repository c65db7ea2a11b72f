"""`@idempotent` around a class whose mixins check access in `dispatch`: a replay must not come before them."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import login_required, permission_required, user_passes_test
from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin, UserPassesTestMixin
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from django_idempotency import IdempotencyPolicy
from django_idempotency.decorators import idempotent

MIXINS = [LoginRequiredMixin, PermissionRequiredMixin, UserPassesTestMixin]


def view_with(mixin: type) -> type[View]:
    class Guarded(mixin, View):
        def post(self, request: HttpRequest) -> HttpResponse:
            return HttpResponse()

    return Guarded


@pytest.mark.parametrize("mixin", MIXINS)
def test_around_the_view_it_is_refused_at_once(mixin: type) -> None:
    """REQ 5: a replay that would come before the check of access is refused where it is written."""
    with pytest.raises(TypeError, match=r"before access is checked.*name='post'"):
        idempotent(view_with(mixin).as_view())


@pytest.mark.parametrize("mixin", MIXINS)
def test_around_dispatch_it_is_refused(mixin: type) -> None:
    """REQ 5: the same on `dispatch`, which Django binds when a request comes."""
    view = method_decorator(idempotent, name="dispatch")(view_with(mixin))

    with pytest.raises(TypeError, match=r"before access is checked.*name='post'"):
        view.as_view()(RequestFactory().post("/", headers={"Idempotency-Key": "a"}))


@pytest.mark.parametrize(
    "access",
    [login_required, permission_required("app.add_effect"), staff_member_required, user_passes_test(bool)],
)
def test_above_what_checks_access_it_is_refused(access: Any) -> None:
    """REQ 5: the same above a decorator that checks access, with others in between."""

    def pay(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    with pytest.raises(TypeError, match=r"Above @login_required.*before access is checked"):
        idempotent(csrf_exempt(require_POST(access(pay))))
    access(require_POST(idempotent(pay)))


def test_the_class_in_the_place_of_a_policy() -> None:
    """Forgotten parentheses are named."""
    with pytest.raises(TypeError, match=r"takes a view or an IdempotencyPolicy\(\.\.\.\)"):
        idempotent(IdempotencyPolicy)


@pytest.mark.parametrize("hook", ["before_replay", "redact", "validate_replay"])
def test_a_hook_that_cannot_be_called(hook: str) -> None:
    """REQ 5: an async hook would be passed over at a replay, and with it what it refuses."""

    async def never_awaited(*arguments: Any) -> None: ...

    wrong: Any
    for wrong, match in ((never_awaited, "must not be async"), (3, "must be a function")):
        with pytest.raises(TypeError, match=f"@idempotent: {hook} {match}"):
            idempotent(**{hook: wrong})
