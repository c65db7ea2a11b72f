"""SurveyCoder's endpoints. ``SurveyCoderView`` is what makes their POSTs idempotent; the rest is plain DRF."""

from rest_framework.mixins import CreateModelMixin, ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from django_idempotency.mixins import IdempotencyMixin
from testproject.accounts.models import Balance
from testproject.surveycoder.models import SYSTEM, Coding, Project, Question, Webhook
from testproject.surveycoder.policy import ERRORS, POLICY
from testproject.surveycoder.serializers import (
    CodingSerializer,
    ProjectSerializer,
    QuestionSerializer,
    WebhookSerializer,
)
from testproject.systems.views import OwnedView, SystemView


class SurveyCoderView(IdempotencyMixin, SystemView):
    """Every POST with a key happens once, as the policy says."""

    idempotency_policy = POLICY
    errors = ERRORS


class Collection(
    SurveyCoderView, OwnedView, CreateModelMixin, ListModelMixin, RetrieveModelMixin, GenericViewSet
):
    """What can be made, listed and looked at."""


class Codings(Collection):
    queryset = Coding.objects.all()
    serializer_class = CodingSerializer


class Projects(Collection):
    queryset = Project.objects.all()
    serializer_class = ProjectSerializer


class Questions(Collection):
    queryset = Question.objects.all()
    serializer_class = QuestionSerializer


class Webhooks(Collection):
    queryset = Webhook.objects.all()
    serializer_class = WebhookSerializer


class Credits(SurveyCoderView):
    def get(self, request: Request) -> Response:
        return Response({"credits": Balance.objects.of(self.organization, SYSTEM)})
