"""
This package beside others like it, and beside no guard at all.

    python -m benchmarks --quick

PostgreSQL and Redis are started for the run, and stopped after it; others can be named by URL, whose databases are
made for the run. Each release that is compared is installed in an environment of its own, which is kept for the next
run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.race.contestants import CONTESTANTS
from benchmarks.race.environments import FOLDER, SAME, python


def main() -> None:
    options = arguments()
    # The servers are asked by the tests' own means, which are Django's.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from benchmarks.race import report
    from benchmarks.race.places import places
    from benchmarks.race.rounds import race
    from benchmarks.race.site import Site

    chosen = {name: python(CONTESTANTS[name].requires, options.environments) for name in options.variants}
    needs_redis = any(CONTESTANTS[name].store == "redis" for name in chosen)
    with (
        tempfile.TemporaryDirectory(prefix="idempotency-race-") as folder,
        places(options.database_url, options.redis_url, needs_redis=needs_redis) as found,
        found.databases(list(chosen)),
    ):
        sites = [Site(name, own, found, Path(folder, name)) for name, own in chosen.items()]
        for site in sites:
            site.prepare()
        results = race(sites, options.rounds, options.seconds)
        facts = about(found.versions)
    if options.json:
        print(json.dumps({"about": facts, "contestants": report.as_json(results)}, indent=2))
    else:
        print(*(f"- {name}: {value}" for name, value in facts.items()), "", report.report(results), sep="\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--variants", type=names, default=list(CONTESTANTS), help=f"of {', '.join(CONTESTANTS)}; all"
    )
    # Many short rounds: on a machine whose speed changes, what is compared must be measured within a moment.
    parser.add_argument("--rounds", type=int, default=101)
    parser.add_argument("--seconds", type=float, default=0.1, help="of each load in each round")
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--database-url", help="a PostgreSQL server, without a database")
    parser.add_argument("--redis-url", help="its data may be overwritten")
    parser.add_argument("--environments", type=Path, default=FOLDER, help=f"{FOLDER}")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.rounds = 1
    return options


def names(text: str) -> list[str]:
    chosen = text.split(",")
    if unknown := [name for name in chosen if name not in CONTESTANTS]:
        raise argparse.ArgumentTypeError(
            f"there is no {', '.join(unknown)}; there are {', '.join(CONTESTANTS)}"
        )
    return chosen


def about(servers: dict[str, str]) -> dict[str, Any]:
    """What a figure depends on."""
    installed = {name: version(name) for name in SAME}
    versions = {"Python": platform.python_version(), **installed, **servers}
    return {
        "date": f"{date.today():%Y-%m-%d}",
        "command": " ".join(("python -m benchmarks", *sys.argv[1:])),
        "machine": f"{os.cpu_count()} cores, {processor()}, {platform.system()} {platform.release()}",
        "versions": ", ".join(f"{name} {value}" for name, value in versions.items()),
    }


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    named = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


if __name__ == "__main__":
    main()
