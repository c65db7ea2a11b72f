"""FirstHand's API keys are shown once, so their stored answers hold a secret: with encryption, no copy of the database tells it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dj_database_url
import pytest
from cryptography.fernet import Fernet

from testproject.accounts.seeds import ORGANIZATIONS, tokens_of
from testproject.demo.server import Server
from tests.conftest import FOUND
from tests.systems.conftest import database_url
from tests.systems.firsthand import CREATE_KEY, Post
from tests.systems.live import Caller, Live, assert_replay, new_key


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    found = request.config.stash[FOUND]
    if request.param not in found.urls:
        pytest.skip(found.left_out[request.param])
    request.node.user_properties.append(("database", request.param))
    with database_url(found, request.param, "secrets", tmp_path) as url:
        yield url


def copy_of(url: str) -> bytes:
    """All that somebody has who got hold of the database's files, or of a dump."""
    config: Any = dj_database_url.parse(url)
    if config["ENGINE"].endswith("sqlite3"):
        file = Path(config["NAME"])
        return b"".join(each.read_bytes() for each in sorted(file.parent.glob(f"{file.name}*")))
    import psycopg

    written: list[bytes] = []
    with psycopg.connect(url.partition("?")[0]) as session:
        tables = session.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables.fetchall():
            # As pg_dump writes a table down.
            with session.cursor().copy(f"COPY {table} TO STDOUT") as copy:
                written += [bytes(part) for part in copy]
    return b"".join(written)


def tells(copy: bytes, secret: str) -> bool:
    """Whether it is there, as text, or as PostgreSQL writes bytes."""
    return secret.encode() in copy or secret.encode().hex().encode() in copy


def test_no_copy_of_the_database_tells_a_secret(url: str, tmp_path: Path) -> None:
    """REQ 23: found without encryption; with it not, and the retry gets the very same secret."""
    before, after = new_key(), new_key()
    with Live(url, tmp_path) as live:
        plain = Post(live.acme, CREATE_KEY).send(before)
        assert plain.status_code == 201
        assert tells(copy_of(url), plain.json()["secret"])
        environment = {**live.environment, "IDEMPOTENCY_ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    token = tokens_of(next(iter(ORGANIZATIONS)))[0]
    with Server(environment, tmp_path / "encrypting.log") as server, Caller(server.url, token) as acme:
        post = Post(acme, CREATE_KEY)
        sealed = post.send(after)
        assert not tells(copy_of(url), sealed.json()["secret"])
        assert_replay(post.send(after), sealed)
        assert_replay(post.send(before), plain)
        assert post.happened() == 1
