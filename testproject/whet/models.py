"""What an organization has at Whet. Whatever a request makes is a row of its own, so that a stranger can count it."""

import hashlib
import json

from django.db import models, transaction

from testproject.accounts.models import Organization
from testproject.systems.identifiers import new_id
from testproject.systems.models import Resource


def new_run_id() -> str:
    """Name a run."""
    return new_id("run")


class Pipeline(Resource):
    """An intent that is followed for somebody. It comes with one post to draft."""

    class Status(models.TextChoices):
        QUEUED = "queued"

    kind = "pipe"

    handle = models.CharField(max_length=100)
    intent = models.TextField()
    run_id = models.CharField(max_length=40, default=new_run_id, editable=False)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.QUEUED)

    def remove(self) -> None:
        """Delete it, with its posts, their artifacts and all publications of these."""
        with transaction.atomic():
            # From the top down: what is locked can get no new children while the others are looked for.
            for rows in (Post.objects.filter(pipeline=self), Artifact.objects.filter(post__pipeline=self)):
                list(rows.select_for_update())
            self.delete()


class Post(Resource):
    """Something to be written for a pipeline."""

    kind = "post"

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="posts")


class Artifact(Resource):
    """A draft of a post, or what was fetched from a URL with an intent."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        FETCHED = "fetched"
        PUBLISHED = "published"

    kind = "art"

    run_id = models.CharField(max_length=40, default=new_run_id, editable=False)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.DRAFT)
    # Of a draft.
    post = models.ForeignKey(Post, on_delete=models.CASCADE, null=True, blank=True, related_name="artifacts")
    # Of something fetched.
    url = models.URLField(max_length=2000, blank=True)
    intent = models.TextField(blank=True)
    # Finds a pair to the letter, whatever a database takes for the same text.
    pair = models.CharField(max_length=64, blank=True, db_index=True, editable=False)

    @classmethod
    def first_fetched(cls, organization: Organization, url: str, intent: str) -> "Artifact | None":
        """Find what an organization fetched for a pair before all else."""
        return cls._default_manager.filter(organization=organization, pair=pair_of(url, intent)).first()


class Publication(Resource):
    """One time that an artifact was published."""

    class Status(models.TextChoices):
        PUBLISHED = "published"

    kind = "pub"

    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="publications")
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PUBLISHED)


class Account(Resource):
    """A connection to a provider."""

    kind = "acct"

    provider = models.CharField(max_length=100)


def pair_of(url: str, intent: str) -> str:
    """Name a pair by a digest."""
    return hashlib.sha256(json.dumps([url, intent]).encode()).hexdigest()
