"""Endpoints that are not idempotent, each for one reason."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from django_idempotency import Derived, Mode, Problem, bind, problems
from django_idempotency.decorators import idempotent
from tests.app.models import Effect, Tag
from tests.testing.around import (
    View,
    around,
    audit,
    audit_elsewhere,
    audit_others,
    calls,
    copy_record,
    count_call,
    drop_records,
    everything,
    mail,
    mark,
    register,
    touch_records,
    touch_records_of_others,
    unmark,
    wrong_body,
    wrong_location,
    wrong_status,
    wrong_type,
)
from tests.testing.desk import CALLER, POLICY, REQUIRED, card, large, make, make_async


def once(request: HttpRequest) -> HttpResponse:
    """Lets a request pass only once."""
    if request.headers["Idempotency-Key"] in calls:
        return HttpResponse("slow down", status=429)
    calls.append(request.headers["Idempotency-Key"])
    response: HttpResponse = guarded(request)
    return response


guarded: View = idempotent(POLICY)(make)
vars(once).update(vars(guarded))


def cached(request: HttpRequest) -> HttpResponse:
    """Answers one caller out of a cache."""
    response: HttpResponse = HttpResponse() if request.headers.get("X-Caller") == "bob" else guarded(request)
    return response


vars(cached).update(vars(guarded))


async def audit_async(request: HttpRequest) -> HttpResponse:
    await Tag.objects.acreate(name=str(uuid4()))
    response: HttpResponse = await idempotent(POLICY)(make_async)(request)
    return response


def without_key(request: HttpRequest) -> HttpResponse:
    del request.META["HTTP_IDEMPOTENCY_KEY"]
    response: HttpResponse = guarded(request)
    return response


vars(without_key).update(vars(guarded))


def make_and_delete(request: HttpRequest) -> HttpResponse:
    effect = Effect.objects.create()
    bind(effect)
    effect.delete()
    return HttpResponse(status=201)


def make_elsewhere(request: HttpRequest) -> HttpResponse:
    Tag.objects.using("elsewhere").create(name=str(uuid4()))
    return HttpResponse(status=201)


def invalid(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"amount": ["missing"]}, status=400)


def broken(request: HttpRequest) -> HttpResponse:
    return HttpResponse("out of paper", status=500)


def render_as_400(problem: Problem, request: Any) -> HttpResponse:
    response = problems.render(problem, request)
    response.status_code = 400
    response.headers["Location"] = "/help/"
    response.headers["Idempotent-Replayed"] = "true"
    return response


OWN_FORMAT = POLICY.but(renderer=render_as_400, max_body_size=100)
BY_BODY = POLICY.but(keys=(Derived(lambda request: request.body.decode()),))


def members_only(view: Any) -> Any:
    """A project's own check of access, which the guard cannot know for one."""

    def serve(request: HttpRequest) -> HttpResponse:
        return view(request) if request.user.is_authenticated else HttpResponse(status=403)

    return serve


urlpatterns = [
    *(
        path(f"{each.__name__}/", around(each))
        for each in (
            audit,
            audit_elsewhere,
            audit_others,
            copy_record,
            count_call,
            drop_records,
            mail,
            mark,
            register,
            touch_records,
            unmark,
            wrong_body,
            wrong_location,
            wrong_status,
            wrong_type,
        )
    ),
    path("audit_required/", around(audit_others, REQUIRED)),
    path("touch_by_caller/", around(touch_records_of_others, CALLER)),
    path("unguarded/", make),
    path("patch-only/", idempotent(POLICY.but(methods=("PATCH",)))(make)),
    path("once/", once),
    path("cached/", cached),
    path("async/", audit_async),
    path("all/", around(everything)),
    path("without-key/", without_key),
    path("login/", login_required(idempotent(POLICY)(make))),
    path("above-login/", idempotent(POLICY)(members_only(make))),
    path("caller/", idempotent(CALLER)(make)),
    path("any-scope/", idempotent(POLICY.but(scope=lambda request: uuid4().hex))(make)),
    path("any-key/", idempotent(POLICY.but(keys=(Derived(lambda request: uuid4().hex),)))(make)),
    path("by-body/", idempotent(BY_BODY)(make)),
    path("large/", idempotent(POLICY.but(max_body_size=100))(large)),
    path("deletes/", idempotent(POLICY)(make_and_delete)),
    path("elsewhere/", idempotent(POLICY)(make_elsewhere)),
    path("elsewhere-leased/", idempotent(POLICY.but(mode=Mode.LEASED))(make_elsewhere)),
    path("invalid/", idempotent(POLICY)(invalid)),
    path("broken/", idempotent(POLICY)(broken)),
    path("own-format/", idempotent(OWN_FORMAT)(make)),
    path("own-format-large/", idempotent(OWN_FORMAT)(large)),
    path("card/", idempotent(POLICY, redact=lambda request, body: b"{}")(card)),
]
