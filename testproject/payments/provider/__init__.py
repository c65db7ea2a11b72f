"""
A payment provider that lives outside of the project: its own process, its own store, and no word of Django.

    python -m testproject.payments.provider --port 8765 --store payments.sqlite3

It is here so that the demonstration has something outside of its database to charge, and is written with the standard
library alone.
"""
