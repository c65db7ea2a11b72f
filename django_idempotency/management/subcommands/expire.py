"""``manage.py idempotency expire``: a stored answer is given up before its time."""

from ... import resolution
from ...models import IdempotencyRecord
from .by_hand import ByHand


class Expire(ByHand):
    help = (
        "Let completed records expire now, so that their keys are free. A late retry then runs again and makes its "
        "object again, also where that was deleted."
    )
    verb = "expire"
    done = "Expired"
    effect = "its answer is given up; the next request with its key runs, and makes its object again."

    def act(self, record: IdempotencyRecord, who: str, why: str) -> None:
        resolution.expire(record, who=who, why=why)
