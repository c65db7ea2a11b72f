"""The provider's HTTP: ``POST /charges``, ``GET /charges/{key}`` and ``GET /charges``."""

import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from testproject.payments.provider.ledger import UNANSWERED, KeyReused, Ledger, Order, Row


class Provider(ThreadingHTTPServer):
    """Serves a ledger on a socket that listens already."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, ledger: Ledger) -> None:
        super().__init__(listener.getsockname()[:2], Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.ledger = ledger

    def charge(self, key: str | None, order: Order) -> tuple[Row, bool]:
        """Charge; see the ledger."""
        return self.ledger.charge(key, order)


class Handler(BaseHTTPRequestHandler):
    """One connection, which is one request."""

    server: Provider

    def do_POST(self) -> None:  # the name is http.server's
        if self.path != "/charges":
            return self.answer(404, {"error": "not_found"})
        try:
            order = Order(**json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        except (ValueError, TypeError):
            return self.answer(400, {"error": "invalid"})
        try:
            charge, fresh = self.server.charge(self.headers["Idempotency-Key"], order)
        except KeyReused:
            return self.answer(409, {"error": "key_reused"})
        if fresh and order.amount == UNANSWERED:
            return None  # http.server closes the connection
        return self.answer(201 if charge["status"] == "succeeded" else 402, charge)

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        if target.path == "/charges":
            charges = self.server.ledger.charges(*parse_qs(target.query).get("account", []))
            return self.answer(200, {"count": len(charges), "charges": charges})
        found = self.server.ledger.find(target.path.removeprefix("/charges/"))
        return self.answer(404, {"error": "not_found"}) if found is None else self.answer(200, found)

    def answer(self, status: int, data: Any) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
