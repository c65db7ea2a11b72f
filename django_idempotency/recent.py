"""
Keys that this process has answered lately. The next request with one of them is likely a retry: it is looked up before
a transaction is begun for it, and a body with the same bytes is not parsed again.

A guess: it saves a statement, or a parsing, and what a key may do is decided by its record.
"""

from .fingerprints import Taken

# Of each generation; an entry takes about 600 bytes.
MOST = 4096


class Recent:
    """By the digests of those keys, what was taken of their requests: the youngest, and as many from before at most."""

    def __init__(self) -> None:
        self.forget()

    def __contains__(self, digest: str) -> bool:
        return digest in self._young or digest in self._old

    def get(self, digest: str) -> Taken | None:
        """What was taken of the key's last request; None for a key that is not remembered."""
        return self._young.get(digest) or self._old.get(digest)

    def note(self, digest: str, taken: Taken) -> None:
        """Note that a key has its answer."""
        self._young[digest] = taken
        if len(self._young) >= MOST:
            self.forget(self._young)

    def forget(self, but: dict[str, Taken] | None = None) -> None:
        """Forget all, but for these."""
        self._young: dict[str, Taken] = {}
        self._old = {} if but is None else but


recent = Recent()
