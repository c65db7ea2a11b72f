"""Run it: ``python -m testproject.payments.provider``."""

import socket
from argparse import ArgumentParser
from pathlib import Path

from testproject.payments.provider.ledger import Ledger
from testproject.payments.provider.server import Provider


def main() -> None:
    parser = ArgumentParser(description="A pretend payment provider.")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--fd", type=int, help="A socket that listens already, in place of a port.")
    parser.add_argument("--store", type=Path, default=Path("payment-provider.sqlite3"))
    given = parser.parse_args()
    if given.fd is None:
        listener = socket.create_server(("127.0.0.1", given.port), backlog=256)
    else:
        listener = socket.socket(fileno=given.fd)
    with Provider(listener, Ledger(given.store)) as provider:
        provider.serve_forever()


if __name__ == "__main__":
    main()
