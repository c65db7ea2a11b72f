"""
The mutants of tests/model, in the code: each change that loses the guarantee must make a test fail.

    python -m tests.mutants                 all of them: a few minutes; exit status 1 if one survives
    python -m tests.mutants COMMIT owner    those whose names hold one of these words

A mutant is a change of a few lines of `django_idempotency/` (see `catalogue`). It is made in a copy, never in the
working tree, and the tests that are named with it run there. It is killed by a test that says what is wrong; an
import error or a crash of the changed code kills nothing.
"""
