"""What an organization has at hrizn. Every effect is counted, so that a stranger sees whether it happened twice."""

from django.db import models
from django.db.models import F
from django.http import Http404

from testproject.systems.models import Resource


class IdeaCloud(Resource):
    """Ideas around a keyword."""

    kind = "idea"

    keyword = models.CharField(max_length=500)


class Content(Resource):
    """Something to publish. How often it was generated, checked and given tools is what its actions leave behind."""

    class Kind(models.TextChoices):
        ARTICLE = "article"
        COMPARISON = "comparison"
        MODEL_LANDING = "model-landing"
        SALES_EVENT = "sales-event"

    kind = "cont"

    # Clients know it as "kind", which a resource has already.
    content_kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.ARTICLE)
    title = models.CharField(max_length=500)
    generations = models.PositiveIntegerField(default=0)
    compliance_checks = models.PositiveIntegerField(default=0)
    content_tools = models.PositiveIntegerField(default=0)

    class Meta(Resource.Meta):
        verbose_name_plural = "content"

    def add_one(self, counter: str) -> None:
        """Count something by the database's own arithmetic, so that two at a time both count."""
        if not Content.objects.filter(pk=self.pk).update(**{counter: F(counter) + 1}):
            raise Http404("The content has been deleted meanwhile")
        self.refresh_from_db()


class Description(Resource):
    """What a vehicle is said to be like. One vehicle may have several."""

    kind = "desc"

    vin = models.CharField("VIN", max_length=100)
