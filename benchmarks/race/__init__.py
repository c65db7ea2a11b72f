"""
This package beside others like it, and beside no guard at all, in one run: `python -m benchmarks`.

    contestants   what is compared: each a few lines on top of one and the same project
    project, urls, wsgi, shop
                  that project: what `startproject` writes, and one view that inserts a row
    environments  a virtual environment for each release that is compared
    places        the servers: PostgreSQL and Redis, started for the run or named by URL
    site          one contestant as it is served: gunicorn, two workers of four threads
    client        what asks it, over connections that are kept
    inside        one contestant in a process of its own, called without a server: what a request costs there
    traits        what does not drift: statements, round trips, commits, bytes of WAL
    proof         what is in the database afterwards: duplicates at once, and a kill after the handler's work
    rounds        all of them in turns
    report        the tables
"""
