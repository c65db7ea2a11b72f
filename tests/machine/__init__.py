"""
Any requests in any order, against a real database, compared with a reference of a few lines.

    python -m pytest tests/machine                          SQLite, a few seconds; part of every run
    MACHINE_EXAMPLES=300 python -m pytest tests/machine     every database that there is, some minutes

`reference` says what must be answered and what must be there afterwards, `endpoint` is what is asked, and
`test_machine` draws what happens: requests, the end of leases and lifetimes, deletions, the purge, resolving by hand.
"""
