"""What every resource of every system has."""

from typing import ClassVar

from django.db import models

from testproject.accounts.models import Organization
from testproject.systems.identifiers import new_id


class Resource(models.Model):
    """Something that an organization has made over an API."""

    # The first letters of its identifiers.
    kind: ClassVar[str]

    id = models.CharField(primary_key=True, max_length=40, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    # The X-Request-Id of the request that made it.
    request_id = models.CharField(max_length=40, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        # Identifiers begin with the time.
        ordering = ("id",)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if not self.id:
            self.id = new_id(self.kind)

    def __str__(self) -> str:
        return self.id
