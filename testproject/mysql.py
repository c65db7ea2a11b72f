"""
The driver for MariaDB and MySQL.

Django asks for mysqlclient, which needs a compiler on most machines. Where it is not installed,
PyMySQL, which is pure Python, takes its name.
"""

from __future__ import annotations

import importlib.util


def install() -> None:
    """
    Make `import MySQLdb` work. Call it from a settings module, before Django loads the database backend.

    PyMySQL 1.2 and later report the version of mysqlclient that Django asks for, so nothing is to be feigned here.
    """
    if importlib.util.find_spec("MySQLdb") is not None:
        return
    import pymysql

    pymysql.install_as_MySQLdb()
