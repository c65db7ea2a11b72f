"""
A contestant without a server: its WSGI application is called in this process, by one thread.

    python -m benchmarks.race.inside < orders

An order is a line: how many requests, and the key that all of them have, or none for fresh ones. What comes back is
the microseconds of processor time that one has taken.
"""

from __future__ import annotations

import io
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

from benchmarks.race.client import END, request
from benchmarks.race.wsgi import application

HEADERS = {"Content-Type": "CONTENT_TYPE", "Content-Length": "CONTENT_LENGTH"}


def environ(key: str) -> dict[str, Any]:
    """What a server would make of the client's request."""
    head, _, body = request(key).partition(END)
    line, *lines = head.decode().split("\r\n")
    method, path, protocol = line.split()
    fields = (line.split(": ", 1) for line in lines)
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": protocol,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{HEADERS.get(name, f"HTTP_{name.upper().replace('-', '_')}"): value for name, value in fields},
    }


def call(environ: dict[str, Any]) -> int:
    """One request; its status."""
    statuses: list[str] = []

    def start(status: str, headers: Any, error: Any = None, /) -> Callable[[bytes], object]:
        statuses.append(status)
        return bytes

    response: Any = application(environ, start)
    for _ in response:
        pass
    response.close()
    return int(statuses[0][:3])


def main() -> None:
    for line in sys.stdin:
        number, *keys = line.split()
        environs = [environ(keys[0] if keys else str(uuid.uuid4())) for _ in range(int(number))]
        began = time.process_time()
        statuses = {call(each) for each in environs}
        took = time.process_time() - began
        if statuses != {201}:
            raise RuntimeError(f"answered with {statuses}")
        print(f"{took / len(environs) * 1e6:.1f}", flush=True)


if __name__ == "__main__":
    main()
