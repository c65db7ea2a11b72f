"""The base of every system's views. What makes one idempotent is not here: it is one line of the system's own."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from django.db.models import QuerySet
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotFound
from rest_framework.generics import GenericAPIView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from django_idempotency.outcomes import IdempotencyOutcomeView
from testproject.accounts.authentication import TokenAuthentication
from testproject.accounts.models import Organization
from testproject.systems.errors import ErrorShape
from testproject.systems.faults import FaultsMixin
from testproject.systems.parsers import JsonBody
from testproject.systems.request_ids import HEADER, request_id_of


class AlwaysJson(DefaultContentNegotiation):
    """These APIs answer in JSON, whatever a client says it accepts."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class SystemView(FaultsMixin):
    """A view of one system: its callers are organizations, and its errors have the system's shape."""

    errors = ErrorShape()

    authentication_classes: Sequence[type[BaseAuthentication]] = (TokenAuthentication,)
    permission_classes: Sequence[type[BasePermission]] = (IsAuthenticated,)
    parser_classes = (JsonBody,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AlwaysJson

    @property
    def organization(self) -> Organization:
        """The organization that calls."""
        return cast(Organization, self.request.user)

    def get_exception_handler(self) -> Any:
        return self.errors.of_exception

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        # Set here rather than left to the middleware, so that a policy can store it with the response.
        response.headers.setdefault(HEADER, request_id_of(request))
        return super().finalize_response(request, response, *args, **kwargs)


class OwnedView(SystemView, GenericAPIView):
    """A view of resources that belong to organizations: nobody else's exist for a caller."""

    def get_queryset(self) -> QuerySet:
        return super().get_queryset().filter(organization=self.organization)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        results = self.get_serializer(self.get_queryset(), many=True).data
        return Response({"count": len(results), "results": results})

    def perform_create(self, serializer: BaseSerializer) -> None:
        serializer.save(organization=self.organization, request_id=request_id_of(self.request))

    def get_success_headers(self, data: Any) -> dict[str, str]:
        return {"Location": f"{self.request.path}/{data['id']}"}


class UnknownPath(SystemView):
    """Says 404 in a system's own shape, where no route of it matches."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound("There is nothing at this path")


class KeyOutcome(IdempotencyOutcomeView):
    """What became of a key, for whoever would be served its replay."""

    authentication_classes = (TokenAuthentication,)
    permission_classes = (IsAuthenticated,)
    renderer_classes = (JSONRenderer,)
