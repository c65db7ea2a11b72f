"""What an organization has at SurveyCoder. A coding costs credits, so a second one shows in two places."""

import re

from django.db import models, transaction

from testproject.accounts.models import Balance, Organization
from testproject.surveycoder.apps import SurveyCoderConfig
from testproject.systems.models import Resource

SYSTEM = SurveyCoderConfig.prefix


def code_of(response: str) -> str:
    """Name what a response is about: by its longest word, the first of several."""
    return max(re.findall(r"\w+", response.lower()), key=len, default="other")


class Coding(Resource):
    """Responses to a question, and the code of each."""

    kind = "code"

    question = models.TextField()
    responses = models.JSONField()
    codes = models.JSONField()
    credits_charged = models.PositiveIntegerField()

    @classmethod
    # A caller without a key has no guard, whose transaction this would be.
    @transaction.atomic
    def make(
        cls, organization: Organization, question: str, responses: list[str], request_id: str
    ) -> "Coding":
        """
        Code the responses, for a credit each.

        Raises:
            InsufficientCredits: nothing is coded, and nothing is taken.
        """
        price = len(responses)
        Balance.objects.spend(organization, SYSTEM, price)
        return cls._default_manager.create(
            organization=organization,
            question=question,
            responses=responses,
            codes=[code_of(response) for response in responses],
            credits_charged=price,
            request_id=request_id,
        )


class Project(Resource):
    """A survey."""

    kind = "prj"

    name = models.CharField(max_length=200)


class Question(Resource):
    """What a project asks."""

    kind = "q"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="questions")
    text = models.TextField()


class Webhook(Resource):
    """Where SurveyCoder reports to."""

    kind = "wh"

    url = models.URLField(max_length=500)
