"""What a contestant's promise is worth: counted in the database, after everything that a client may do."""

from __future__ import annotations

import asyncio
import socket
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field

from benchmarks.race.client import END, Order, carry_out, request
from benchmarks.race.shop import TABLE
from benchmarks.race.site import Site
from tests.servers import PATIENCE, PAUSE

# Duplicates of one key at once, and of how many keys.
CROWD, CROWDS = 64, 5
# How often a process is killed after the handler's work, and how long a client goes on asking.
KILLS, GOES_ON = 5, 5.0


@dataclass
class Proof:
    """
    What was found.

    Attributes:
        doubled, lost: keys with more than one effect, and keys that were answered and have none; of all rounds.
        crowd: statuses of the duplicates at once.
        crowded: keys of these with more than one effect.
        killed: what became of keys whose process died after the handler's work: "once", "twice", "lost", or "stuck":
            done, but not answered in time.
    """

    doubled: int = 0
    lost: int = 0
    crowd: Counter[int] = field(default_factory=Counter)
    crowded: int = 0
    killed: Counter[str] = field(default_factory=Counter)

    @property
    def verdict(self) -> str:
        """In a few words; "exactly once" where nothing was found."""
        found = {
            "doubles": self.doubled,
            "loses": self.lost,
            "doubles in a race": self.crowded,
            "doubles after a kill": self.killed["twice"],
            "loses after a kill": self.killed["lost"],
            "stuck after a kill": self.killed["stuck"],
        }
        return ", ".join(name for name, times in found.items() if times) or "exactly once"


def effects(site: Site, keys: list[str]) -> Counter[str]:
    """How many effects each of these keys has."""
    with site.places.session(site.name) as session:
        rows = session.execute(
            f"SELECT reference, count(*) FROM {TABLE} WHERE reference = ANY(%s) GROUP BY reference", [keys]
        )
        return Counter(dict(rows.fetchall()))


def crowd(site: Site, proof: Proof) -> None:
    """Let many clients send one key at the same time, and again until one of them is answered."""
    for _ in range(CROWDS):
        key = str(uuid.uuid4())
        order = Order(port=site.port, connections=CROWD, seconds=0, keys=[key])
        proof.crowd += asyncio.run(carry_out(order)).statuses
        proof.crowded += effects(site, [key])[key] > 1


def kill(site: Site, proof: Proof) -> None:
    """Let the process die right after the handler's work, and go on as a client would."""
    for _ in range(KILLS):
        key = str(uuid.uuid4())
        if (answer := status(site.port, request(key, "X-Die: yes"))) is not None:
            raise RuntimeError(f"{site.name}: nobody died, and the answer is {answer}")
        until = time.monotonic() + GOES_ON
        while (answer := status(site.port, request(key))) != 201 and time.monotonic() < until:
            time.sleep(PAUSE)
        done = effects(site, [key])[key]
        proof.killed["twice" if done > 1 else "stuck" if answer != 201 else "once" if done else "lost"] += 1


def status(port: int, message: bytes) -> int | None:
    """Of one request on a connection of its own; None where that was lost."""
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            connection.sendall(message)
            got = b""
            while END not in got:
                if not (data := connection.recv(65536)):
                    return None
                got += data
    except OSError:
        return None
    return int(got[9:12])
