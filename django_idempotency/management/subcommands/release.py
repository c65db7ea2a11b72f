"""``manage.py idempotency release``: an outcome that nobody knew was that nothing happened."""

from ... import resolution
from ...models import IdempotencyRecord
from .by_hand import ByHand


class Release(ByHand):
    help = "Resolve what is unknown as not done, so that its key is free. What is in flight is left alone."
    verb = "release"
    done = "Released"
    effect = "its key becomes free, and the next request with it runs, as if there had been none before."

    def act(self, record: IdempotencyRecord, who: str, why: str) -> None:
        resolution.release(record, who=who, why=why)
