"""A process that counts, and has a child that does."""

from __future__ import annotations

import os
import sys

import django
from django.db import connections
from django.test import Client

django.setup()


def pay(key: str) -> None:
    assert Client().post("/pay/", headers={"Idempotency-Key": key}).status_code == 201


pay("parent")
connections.close_all()  # nobody may share one with a child
if child := os.fork():
    pay("parent again")
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
pay("child")
