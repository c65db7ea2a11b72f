"""
Keys that this process has answered lately. The next request with one of them is likely a retry: it is looked up before
a transaction is begun for it, and a body with the same bytes is not parsed again.

A guess: it saves a statement, or a parsing, and what a key may do is decided by its record.
"""

from array import array

from .fingerprints import Taken

# Eight bytes each, and no object: what a key leaves behind would be cold memory for the next one. A key is forgotten
# when another one falls into its slot.
SLOTS = 1 << 16
# Bodies of each generation; one takes about 600 bytes.
MOST = 4096

# A key whose body is not remembered.
UNREAD = Taken("")


class Recent:
    """The keys, by their digests; and of those that were replayed last, MOST at least, what was taken of the body."""

    _answered: "array[int]"
    _young: dict[str, Taken]
    _old: dict[str, Taken]

    def __init__(self) -> None:
        self.forget()

    def get(self, digest: str) -> Taken | None:
        """What was taken of the key's last request, or UNREAD; None for a key that is not remembered."""
        number = hash(digest)
        if self._answered[number % SLOTS] != number:
            return None
        return self._young.get(digest) or self._old.get(digest, UNREAD)

    def note(self, digest: str, taken: Taken) -> None:
        """Note that a key has its answer."""
        number = hash(digest)
        self._answered[number % SLOTS] = number
        if taken.written is not None:
            self._young[digest] = taken
            if len(self._young) >= MOST:
                self._old = self._young
                self._young = {}

    def forget(self) -> None:
        """Forget all."""
        self._answered = array("q", bytes(8 * SLOTS))
        self._young = {}
        self._old = {}


recent = Recent()
