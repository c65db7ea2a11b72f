"""
What Whet does, whoever asks and over which protocol. Each has the name of its route.

Each takes validated fields, binds the record of the request to what it makes, and returns the body of the answer.
"""

from typing import Any, NamedTuple, TypeVar

from django.db import connection, transaction
from django.db.models import Model
from django.http import Http404

from django_idempotency import bind
from testproject.accounts.models import Organization
from testproject.whet.models import Account, Artifact, Pipeline, Post, Publication, pair_of

Body = dict[str, Any]
M = TypeVar("M", bound=Model)


class Origin(NamedTuple):
    """Who asks, and in which request."""

    organization: Organization
    request_id: str

    def own(self, model: type[M], pk: str) -> M:
        """
        Find something of the organization, and keep it from being deleted until the transaction ends.

        Raises:
            Http404: it has none.
        """
        mine = model._default_manager.filter(organization=self.organization, pk=pk)
        found = mine.select_for_update().first()
        if found is None:
            raise Http404(f"There is no such {model._meta.verbose_name}")
        return found


@transaction.atomic
def pipelines_from_intent(origin: Origin, handle: str, intent: str) -> Body:
    """Start a pipeline, with a post to draft."""
    pipeline = Pipeline.objects.create(**origin._asdict(), handle=handle, intent=intent)
    Post.objects.create(**origin._asdict(), pipeline=pipeline)
    bind(pipeline)
    return {"pipeline_id": pipeline.pk, "run_id": pipeline.run_id, "status": pipeline.status}


@transaction.atomic
def posts_draft(origin: Origin, post_id: str) -> Body:
    """Draft a post."""
    artifact = Artifact.objects.create(**origin._asdict(), post=origin.own(Post, post_id))
    bind(artifact)
    return {"artifact_id": artifact.pk, "run_id": artifact.run_id, "status": artifact.status}


@transaction.atomic
def artifacts_publish(origin: Origin, artifact_id: str) -> Body:
    """Publish an artifact; also one that has been published before."""
    artifact = origin.own(Artifact, artifact_id)
    artifact.status = Artifact.Status.PUBLISHED
    artifact.save(update_fields=["status"])
    publication = Publication.objects.create(**origin._asdict(), artifact=artifact)
    bind(publication)
    return {"artifact_id": artifact.pk, "publication_id": publication.pk, "status": publication.status}


def accounts_connect(origin: Origin, provider: str) -> Body:
    """Connect to a provider; to one that is connected already, once more."""
    account = Account.objects.create(**origin._asdict(), provider=provider)
    bind(account)
    return {"account_id": account.pk, "provider": account.provider}


@transaction.atomic
def fetch(origin: Origin, url: str, intent: str, idempotency_key: str | None = None) -> Body:
    """
    Fetch a URL with an intent.

    Args:
        idempotency_key: None where none was sent: what was fetched before for this pair is the answer then.
    """
    artifact = None
    if idempotency_key is None:
        # One after the other: the same pair may come under other query strings, and each is a key of its own. On
        # PostgreSQL nobody else waits who only refers to the organization.
        weaker = connection.features.has_select_for_no_key_update
        Organization.objects.select_for_update(no_key=weaker).get(pk=origin.organization.pk)
        artifact = Artifact.first_fetched(origin.organization, url, intent)
    if artifact is None:
        artifact = Artifact.objects.create(
            **origin._asdict(),
            status=Artifact.Status.FETCHED,
            url=url,
            intent=intent,
            pair=pair_of(url, intent),
        )
    bind(artifact)
    return {
        "artifact_id": artifact.pk,
        "run_id": artifact.run_id,
        "url": artifact.url,
        "intent": artifact.intent,
        "status": artifact.status,
    }
