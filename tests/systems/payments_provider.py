"""The provider in a thread of the test, which can be held in the middle of a charge."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testproject.payments.provider.ledger import Ledger, Order, Row
from testproject.payments.provider.server import Provider
from tests.systems.live import PATIENCE


@dataclass(slots=True, eq=False)
class Hold:
    """One request that the provider is at, and does not get on with until it is told."""

    charged: bool
    arrived: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        self.arrived.set()
        assert self.go.wait(PATIENCE)


class HeldProvider(Provider):
    """Holds the first request for an order whose description is in `holds`, before or after it has charged."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            socket.create_server(("127.0.0.1", 0), backlog=256), Ledger(folder / "ledger.sqlite3")
        )
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.holds: dict[str, Hold] = {}

    def hold(self, description: str, *, charged: bool) -> Hold:
        self.holds[description] = Hold(charged)
        return self.holds[description]

    def charge(self, key: str | None, order: Order) -> tuple[Row, bool]:
        hold = self.holds.pop(order.description, None)
        if hold is None:
            return super().charge(key, order)
        if not hold.charged:
            hold.stop()
        result = super().charge(key, order)
        if hold.charged:
            hold.stop()
        hold.done.set()
        return result

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: who asked may be dead."""


@contextmanager
def held_provider(folder: Path) -> Iterator[HeldProvider]:
    """Serve until the block is left."""
    with HeldProvider(folder) as provider:
        thread = threading.Thread(target=provider.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield provider
        provider.shutdown()
        thread.join(PATIENCE)
    provider.ledger.close()
