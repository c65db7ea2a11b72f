"""`manage.py idempotency schedule`, and what comes of it: Celery's beat and a worker that purge, by themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from django_idempotency.schedules import TASK
from tests.servers import ROOT
from tests.systems.brokers import broker
from tests.systems.crew import Crew, wait_for
from tests.systems.live import Live

pytestmark = pytest.mark.skipif(
    find_spec("django_celery_beat") is None, reason="django-celery-beat is not installed"
)

NAME = "Purge idempotency records"
WORKER = ("worker", "--concurrency", "1", "--without-gossip", "--without-mingle", "--without-heartbeat")
BEAT = ("beat", "--scheduler", "django_celery_beat.schedulers:DatabaseScheduler", "--pidfile", "")

# Run in a shell of the demonstration: one record of each sort, and the key of each that is left.
MAKE = """
from datetime import timedelta
from django.utils import timezone
from django_idempotency.identity import Identity
from django_idempotency.models import IdempotencyRecord
now, day = timezone.now(), timedelta(days=1)
common = dict(scope="nobody", endpoint="POST x", fingerprint="1:x", created_at=now - 2 * day)
sorts = dict(
    expired=dict(mode="atomic", state="completed", expires_at=now - day),
    long_expired=dict(mode="leased", state="completed", expires_at=now - 9 * day),
    unexpired=dict(mode="atomic", state="completed", expires_at=now + day),
    for_ever=dict(mode="atomic", state="completed", expires_at=None),
    in_flight=dict(mode="leased", state="in_progress", lease_expires_at=now + day, expires_at=now - day),
    unknown=dict(mode="leased", state="unknown", expires_at=now - day),
)
for key, fields in sorts.items():
    IdempotencyRecord.objects.update_or_create(
        id=Identity.of("nobody", "POST x", key).digest, defaults=dict(common, key=key, **fields)
    )
"""
KEYS = """
from django_idempotency.models import IdempotencyRecord
print(*sorted(IdempotencyRecord.objects.filter(scope="nobody").values_list("key", flat=True)))
"""
EDIT = """
from django_celery_beat.models import CrontabSchedule, PeriodicTask
PeriodicTask.objects.filter(name="Purge idempotency records").update(
    interval=None, crontab=CrontabSchedule.objects.create(hour="4"), enabled=False, kwargs='{"rows": 7}'
)
"""
ENTRIES = """
import json
from django_celery_beat.models import IntervalSchedule, PeriodicTask
fields = ("name", "task", "enabled", "kwargs", "expire_seconds", "interval__every", "interval__period", "crontab__hour")
entries = PeriodicTask.objects.filter(name__startswith="Purge").order_by("name").values(*fields)
print(json.dumps([list(entries), IntervalSchedule.objects.count()]))
"""
FORGET = """
from django_celery_beat.models import PeriodicTask
PeriodicTask.objects.filter(name__startswith="Purge").delete()
"""


@pytest.fixture(autouse=True)
def _unscheduled(live: Live) -> None:
    shell(live, FORGET)


def shell(live: Live, code: str) -> str:
    return live.manage("shell", "--verbosity", "0", "--command", code).strip()


def schedule(live: Live, *arguments: str) -> Any:
    return json.loads(live.manage("idempotency", "schedule", "--json", *arguments))


def entries(live: Live) -> Any:
    return json.loads(shell(live, ENTRIES))


def test_an_entry_is_made_once(live: Live) -> None:
    """What an operator has made of the entry since stays as it is; the command says so."""
    assert schedule(live) == {"name": NAME, "every": "every hour", "enabled": True, "created": True}
    [entry], intervals = entries(live)
    assert entry == {
        "name": NAME,
        "task": TASK,
        "enabled": True,
        "kwargs": "{}",
        "expire_seconds": 3600,
        "interval__every": 1,
        "interval__period": "hours",
        "crontab__hour": None,
    }
    shell(live, EDIT)
    again = live.manage("idempotency", "schedule", "--every", "10m")
    assert again.startswith(f'"{NAME}" is there already, and was left as it is: ')
    assert "disabled" in again
    assert entries(live) == [
        [
            {
                **entry,
                "enabled": False,
                "kwargs": '{"rows": 7}',
                "interval__every": None,
                "interval__period": None,
                "crontab__hour": "4",
            }
        ],
        intervals,
    ]


def test_other_intervals_and_databases(live: Live) -> None:
    """A run of a dense schedule ends before the next one begins; another database has an entry of its own."""
    assert schedule(live, "--every", "90s")["every"] == "every 90 seconds"
    assert schedule(live, "--every", "2d", "--database", "default")["every"] == "every 2 days"
    dense, daily = entries(live)[0]
    assert (json.loads(dense["kwargs"]), dense["expire_seconds"]) == ({"seconds": 45.0}, 90)
    assert (daily["name"], json.loads(daily["kwargs"])) == (f"{NAME} (default)", {"database": "default"})


@pytest.mark.parametrize("every", ["0s", "1", "x", "-1h", "1w"])
def test_what_is_no_interval(live: Live, every: str) -> None:
    """Refused, with a status of its own, and nothing scheduled."""
    done = subprocess.run(
        [sys.executable, "manage.py", "idempotency", "schedule", f"--every={every}"],
        cwd=ROOT,
        env=live.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no interval" in done.stderr


def test_beat_and_a_worker_purge(live: Live, tmp_path_factory: pytest.TempPathFactory) -> None:
    """With one command, a beat and a worker, what has expired goes; what is live, in flight or unknown stays."""
    schedule(live, "--every", "1s")
    shell(live, MAKE)
    folder = tmp_path_factory.mktemp("schedule")
    with broker(folder) as environ:
        settings = {"DJANGO_SETTINGS_MODULE": "tests.systems.operate_settings", "RUNS": str(folder / "runs")}
        crew = Crew(live.environment | environ | settings, folder)
        with crew.celery(*WORKER, ready=" ready."), crew.celery(*BEAT, ready="beat: Starting"):
            log = crew.log("worker")
            wait_for(log.read_text, lambda text: "Purged 2 expired records" in text)
            # And on and on, also when there is nothing to do.
            wait_for(log.read_text, lambda text: text.count(f"Task {TASK}") >= 4)
    assert shell(live, KEYS).split() == ["for_ever", "in_flight", "unexpired", "unknown"]
    assert live.manage("idempotency", "purge", "--dry-run", "--json").split() == ["{", '"expired":', "0", "}"]
