"""`@idempotent` around a class whose mixins check access in `dispatch`: a replay must not come before them."""

from __future__ import annotations

import pytest
from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin, UserPassesTestMixin
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils.decorators import method_decorator
from django.views import View

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
