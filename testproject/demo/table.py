"""What the demo shows: progress while it plays, and the table at the end."""

import json
from collections.abc import Iterable, Sequence
from itertools import groupby

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from testproject.demo.player import Row


def line(row: Row) -> str:
    """Say in one line how an endpoint did."""
    mark, word = ("[green]✓[/]", "ok") if row.ok else ("[red]✗[/]", f"[red]{escape(row.verdict)}[/]")
    return f"{mark} {row.system}: {escape(row.endpoint)}: {word}"


def table(rows: Sequence[Row]) -> Table:
    """Lay the rows out, grouped by system."""
    shown = Table(box=box.SIMPLE_HEAD)
    shown.add_column("Endpoint", overflow="fold")
    for name in ("Sent", "Executed", "Replayed", "Refused"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("Verdict", no_wrap=True)
    for system, group in groupby(rows, key=lambda row: row.system):
        shown.add_row(f"[bold]{system}[/]")
        for row in group:
            verdict = "[green]ok[/]" if row.ok else "[red]see below[/]"
            numbers = [str(number) for number in (row.sent, row.executed, row.replayed, row.refused)]
            shown.add_row(f"  {escape(row.endpoint)}", *numbers, verdict)
        shown.add_section()
    return shown


def show(rows: Sequence[Row]) -> None:
    """Print the table; a file or a pipe has no width of its own, and gets enough."""
    console = Console()
    if not console.is_terminal:
        console.width = 110
    console.print(table(rows))


def as_json(rows: Iterable[Row]) -> str:
    """Write the rows for a program."""
    return json.dumps({"rows": [row.as_dict() for row in rows]}, indent=2)


def summary(rows: Sequence[Row], seconds: float, console: Console) -> None:
    """Say how it went."""
    bad = sum(not row.ok for row in rows)
    for row in rows:
        if not row.ok:
            console.print(line(row), highlight=False)
    if bad or not rows:
        console.print(
            f"[red]{bad} of {len(rows)} endpoints did not do everything exactly once.[/] {seconds:.1f} s"
        )
    else:
        done = sum(row.executed for row in rows)
        sent = sum(row.sent for row in rows)
        console.print(
            f"[green]{sent} requests, {done} operations, each done exactly once.[/] {seconds:.1f} s"
        )
