"""``manage.py demo``: play a bad network against every endpoint, and show that each operation happened once."""

import signal
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from testproject.accounts.seeds import ADMIN, ORGANIZATIONS, tokens_of
from testproject.demo import databases, table
from testproject.demo.background import background, outside
from testproject.demo.player import Row
from testproject.demo.programme import number_of_endpoints, play_all
from testproject.demo.server import Server
from testproject.systems.registry import systems


class Command(BaseCommand):
    help = (
        "Start a real server, play a bad network against every endpoint, and count from outside what happened. "
        "Exit status 0 only when every operation happened exactly once."
    )
    # It uses a database of its own.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the rows as JSON, and nothing else.")
        parser.add_argument("--serve", action="store_true", help="Leave the server running until Ctrl-C.")
        parser.add_argument(
            "--database-url",
            metavar="URL",
            help="Play on this database, created when missing. Default: a temporary SQLite file.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Ended politely, it still tidies up.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        self.progress = Console(stderr=True)
        try:
            ok = self.run(options["database_url"], as_json=options["json"], serve=options["serve"])
        except KeyboardInterrupt:
            sys.exit(130)
        except databases.Unprepared as error:
            raise CommandError(str(error)) from error
        if not ok:
            sys.exit(1)

    def run(self, url: str | None, *, as_json: bool, serve: bool) -> bool:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="idempotency-demo-") as folder:
            environment = databases.environment(url, Path(folder))
            self.progress.print("Preparing the database …", highlight=False)
            databases.create_if_missing(environment["DATABASE_URL"])
            databases.prepare(environment)
            with (
                outside(environment, Path(folder)) as environment,
                Server(environment, Path(folder) / "server.log") as server,
                background(environment, Path(folder)),
            ):
                rows = self.play(server)
                ok = bool(rows) and all(row.ok for row in rows)
                print(table.as_json(rows), flush=True) if as_json else table.show(rows)
                table.summary(rows, time.monotonic() - started, self.progress)
                if not ok:
                    self.progress.print(
                        "The server's last words:",
                        server.last_words(),
                        sep="\n",
                        soft_wrap=True,
                        markup=False,
                    )
                if serve:
                    self.stay(server, environment["DATABASE_URL"])
        return ok

    def play(self, server: Server) -> list[Row]:
        """Play, and show how it goes."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.progress, transient=True) as progress:
            task = progress.add_task(f"Playing against {server.url}", total=number_of_endpoints())

            def report(row: Row) -> None:
                progress.console.print(table.line(row), highlight=False)
                progress.advance(task)

            return play_all(server.url, report)

    def stay(self, server: Server, database_url: str) -> None:
        """Let people look around."""
        say = self.progress.print
        say(f"\nServing at {server.url} until Ctrl-C.")
        for system in systems():
            say(f"  {system.title}: {server.url}/{system.prefix}/")
        say(f"  Admin: {server.url}/admin/  login {ADMIN} / {ADMIN}")
        for organization in ORGANIZATIONS:
            say(f"  Tokens of {organization}: {', '.join(tokens_of(organization))}")
        say(
            f"  Tomorrow: DATABASE_URL='{database_url}' python manage.py age_demo 25",
            soft_wrap=True,
            highlight=False,
        )
        try:
            server.process.wait()
        except KeyboardInterrupt:
            say("Stopping.")
