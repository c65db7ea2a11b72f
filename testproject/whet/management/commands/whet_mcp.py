"""``manage.py whet_mcp``: Whet's operations as tools of the Model Context Protocol."""

import asyncio
import signal
import socket
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Serve Whet's operations as MCP tools over stdio, for the organization of the token in WHET_TOKEN."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--http",
            metavar="PORT",
            type=int,
            help="Serve streamable HTTP on this port of 127.0.0.1 instead, where each request brings its token. "
            "0: a free one.",
        )

    def handle(self, *args: Any, http: int | None, **options: Any) -> None:
        try:
            from testproject.whet import tool_server
        except ModuleNotFoundError as error:
            raise CommandError(f"{error}. It comes with: python -m pip install -e '.[demo]'") from error
        if http is None:
            # Ctrl-C ends it at once: a thread that waits for standard input would not notice.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            asyncio.run(tool_server.over_stdio())
            return
        with listening(http) as listener, suppress(KeyboardInterrupt):
            self.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}{tool_server.PATH}")
            # Whoever has started this may read it through a pipe.
            self.stdout.flush()
            asyncio.run(tool_server.over_http(listener))


def listening(port: int) -> socket.socket:
    """Take a port; what comes before the server runs waits in its queue."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        raise CommandError(f"Port {port} cannot be had: {error}") from error
