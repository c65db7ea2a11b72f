"""
Keys that this process has answered lately. The next request with one of them is likely a retry, and is looked up before
a transaction is begun for it.

A guess, and no more: nothing depends on it but a statement more or less.
"""

# Of each generation; a digest takes about 200 bytes.
MOST = 4096


class Recent:
    """The digests of those keys: the youngest, and as many from before at most."""

    def __init__(self) -> None:
        self.forget()

    def __contains__(self, digest: str) -> bool:
        return digest in self._young or digest in self._old

    def note(self, digest: str) -> None:
        """Note that a key has its answer."""
        self._young.add(digest)
        if len(self._young) >= MOST:
            self.forget(self._young)

    def forget(self, but: frozenset[str] | set[str] = frozenset()) -> None:
        """Forget all, but for these."""
        self._young: set[str] = set()
        self._old = but


recent = Recent()
