"""What the provider remembers: each charge, and which key it was made under. It survives the provider's process."""

import secrets
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

TABLES = """
    CREATE TABLE IF NOT EXISTS charge (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL, key TEXT, status TEXT NOT NULL,
        account TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, description TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS charge_key ON charge (key);
    CREATE TABLE IF NOT EXISTS request (key TEXT PRIMARY KEY, times INTEGER NOT NULL);
"""

# A sandbox of the usual kind: what happens depends on the amount. This one is declined,
DECLINED = 402
# and this one is charged, but the connection breaks before the answer; the same request is answered when it comes again.
UNANSWERED = 504

Row = dict[str, Any]


class KeyReused(Exception):
    """The key was used for another order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a client wants to be charged."""

    account: str
    amount: int
    currency: str
    description: str


class Ledger:
    """The provider's own store, for all threads of its process."""

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._database.executescript(TABLES)

    def close(self) -> None:
        self._database.close()

    def charge(self, key: str | None, order: Order) -> tuple[Row, bool]:
        """
        Charge, or tell what was charged under this key before; and which of the two it was.

        Raises:
            KeyReused: that was for something else.
        """
        with self._lock, self._database:
            if key is not None:
                # Every request counts, also one that is no charge.
                self._database.execute(
                    "INSERT INTO request VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET times = times + 1",
                    [key],
                )
            known = self._under(key) if key is not None else []
            if not known:
                return self._make(key, order), True
        if any(known[0][name] != value for name, value in asdict(order).items()):
            raise KeyReused
        return known[0], False

    def find(self, key: str) -> Row | None:
        """Tell what was made of a key: its charge, how many requests had it, and how many charges they caused."""
        with self._lock:
            under = self._under(key)
            times = self._database.execute("SELECT times FROM request WHERE key = ?", [key]).fetchone()
        if not under:
            return None
        charges = sum(row["status"] == "succeeded" for row in under)
        return {**under[0], "requests": times["times"], "charges": charges}

    def charges(self, account: str | None = None) -> list[Row]:
        """List the charges that were not declined, of one account or all."""
        with self._lock:
            rows = self._database.execute(
                "SELECT id, key, status, account, amount, currency, description FROM charge "
                "WHERE status = 'succeeded' AND (?1 IS NULL OR account = ?1) ORDER BY number",
                [account],
            ).fetchall()
        return [dict(row) for row in rows]

    def _make(self, key: str | None, order: Order) -> Row:
        made = {
            "id": f"pay_{secrets.token_hex(12)}",
            "key": key,
            "status": "declined" if order.amount == DECLINED else "succeeded",
            **asdict(order),
        }
        self._database.execute(
            "INSERT INTO charge (id, key, status, account, amount, currency, description) "
            "VALUES (:id, :key, :status, :account, :amount, :currency, :description)",
            made,
        )
        return made

    def _under(self, key: str) -> list[Row]:
        rows = self._database.execute(
            "SELECT id, key, status, account, amount, currency, description FROM charge "
            "WHERE key = ? ORDER BY number",
            [key],
        ).fetchall()
        return [dict(row) for row in rows]
