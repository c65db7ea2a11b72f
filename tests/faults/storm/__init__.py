"""
A storm over a real server, and a checker of all that was asked, answered and done in it.

    python -m tests.faults.storm --seconds 60 --database postgresql [--seed 7] [--restarts 2]

Clients send operations, each with a key of its own, from one place or from several at once, until they are answered
for good. Meanwhile a nemesis kills workers, pauses them, ends their database sessions, and loses their COMMITs. The
exit status is 0 only where no rule is broken and the storm was one: see `verdict.py`.

    plan        what is asked, and what goes wrong, as a function of the seed; when it happens to meet is not
    server      the handlers, which write down outside of the database how far they have come
    outside     reads that
    clients     ask; and the operator whom they call where nobody knows
    nemesis     what goes wrong
    site        all of these together, for so many seconds
    history     what was asked, answered, begun and done
    rules       what must hold for each key
    causes      which fault undid which work
    verdict     the table, and what a broken rule looks like
"""
