"""
Every test that uses the fixture `database` runs once on each database that this run can reach.

    def test_something(database): ...

`@pytest.mark.databases("postgresql")` keeps a test to some of them, `@pytest.mark.database_settings(...)` runs it
with other settings (see `Database.reconfigure`). All other tests are kept from databases by pytest-django.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING
from zlib import crc32

import pytest
from django.db.models.signals import post_delete
from xdist.scheduler import LoadScopeScheduling

from tests.databases import NAMES, Found, Run
from tests.rig import Database, Databases
from tests.servers import Servers

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController

FOUND: pytest.StashKey[Found] = pytest.StashKey()
RUN: pytest.StashKey[Run] = pytest.StashKey()

# Modules whose tests share servers, or one long run.
SHARING = {
    "tests/benchmarks/test_race.py",
    "tests/client/test_end_to_end.py",
    "tests/faces/test_async_server.py",
    "tests/functions/test_worker.py",
    "tests/guarantee/test_kill.py",
    "tests/guarantee/test_race.py",
    "tests/scaling/test_shards.py",
}


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As a shell does to what it starts in the background; what the tests start would inherit it, and never end.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "databases(*names): run the test on these databases only.")
    config.addinivalue_line(
        "markers", "database_settings(**settings): run it with these settings of the database."
    )
    if hasattr(config, "workerinput"):
        config.stash[FOUND] = Found(**config.workerinput["databases"])
        return
    run = config.stash[RUN] = Run()
    config.stash[FOUND] = run.found
    if missing := run.found.missing(os.environ.get("REQUIRE_DATABASES", "")):
        raise pytest.UsageError(f"REQUIRE_DATABASES is not fulfilled. {missing}")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    node.workerinput["databases"] = node.config.stash[FOUND].as_plain()


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: many tests wait, for a server to start or for a lock."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return ByServer(config, log)


class ByServer(LoadScopeScheduling):
    """Any test to any worker, but those of one live server to one."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, name = nodeid.partition("::")
        folder, _, module = path.rpartition("/")
        if folder == "tests/systems":
            served = server_of(module)
        elif folder in ("tests/faults", "tests/statements") or path in SHARING:
            served = path
        else:
            # By the handful, for a worker that is told of each test by itself waits for the next one.
            return str(crc32(nodeid.encode()) % 150)
        return f"{served} {[each for each in NAMES if each in name]}"

    def schedule(self) -> None:
        super().schedule()
        # Few tests with a server take longer than many without: at the end they would keep one worker alone.
        for scope in [scope for scope in self.workqueue if scope.isdigit()]:
            self.workqueue.move_to_end(scope)


def server_of(module: str) -> str:
    """The system whose server the tests of a module ask: `test_whet_times` those of Whet."""
    return module.removesuffix(".py").removeprefix("test_").partition("_")[0]


def pytest_unconfigure(config: pytest.Config) -> None:
    if RUN in config.stash:
        config.stash[RUN].end()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database" not in metafunc.fixturenames:
        return
    found = metafunc.config.stash[FOUND]
    marker = metafunc.definition.get_closest_marker("databases")
    wanted = marker.args if marker else NAMES
    usable = [name for name in wanted if name in found.urls]
    # A test that is meant for databases that are all left out shows up as skipped, with the reason.
    reasons = "; ".join(f"{name}: {found.left_out.get(name)}" for name in wanted)
    skipped = [pytest.param(wanted[0], marks=pytest.mark.skip(reason=reasons))]
    metafunc.parametrize("database", usable or skipped, indirect=True)


@pytest.fixture(scope="session")
def _databases(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Databases]:
    worker = getattr(request.config, "workerinput", {"workerid": "main"})["workerid"]
    databases = Databases(request.config.stash[FOUND], worker, tmp_path_factory.mktemp("databases"))
    yield databases
    with django_db_blocker.unblock():
        databases.drop()


@pytest.fixture
def database(
    request: pytest.FixtureRequest, _databases: Databases, django_db_blocker: DjangoDbBlocker
) -> Iterator[Database]:
    """Make a real database, empty and migrated, Django's `default` for this test, in all its threads."""
    request.node.user_properties.append(("database", request.param))
    marker = request.node.get_closest_marker("database_settings")
    with django_db_blocker.unblock():
        database = _databases[request.param]
        with database.installed(marker.kwargs if marker else {}):
            yield database


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Servers that several tests share, where nothing that one does to them is left for the next."""
    with ExitStack() as stack:
        yield Servers(stack)


@pytest.fixture
def unheard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a project whose policies follow no model, whatever those of other tests in this process do."""
    with monkeypatch.context() as patch:
        patch.setattr(post_delete, "receivers", [])
        post_delete.sender_receivers_cache.clear()
        yield
    post_delete.sender_receivers_cache.clear()


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """Stand in the way of pytest-django's own database, which would be an SQLite in memory, in a transaction."""
    pytest.fail("Use the fixture `database`: tests here run on every database, and commit.")


def pytest_report_header(config: pytest.Config) -> list[str]:
    found = config.stash[FOUND]
    return [f"database {name}: {found.describe(name)}" for name in NAMES]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, object, object]:
    """Say last of all which databases the tests ran on."""
    result = yield
    used = Counter(
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name == "database"
    )
    found = config.stash[FOUND]
    terminalreporter.section("databases")
    for name in NAMES:
        tests = f", {used[name]} tests" if name in found.urls else ""
        terminalreporter.line(f"{name}: {found.describe(name)}{tests}")
    return result
