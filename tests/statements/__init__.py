"""
Every statement of a guarded request, whatever it is: with a fault at each, and in every order with those of duplicates.

The usual run takes a part of this, on PostgreSQL. All of it, on PostgreSQL, MariaDB and SQLite:

    LONG_TESTS=1 python -m pytest tests/statements
"""
