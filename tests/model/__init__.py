"""
The two protocols as explicit-state models, explored to their last state.

    python -m tests.model     states explored, and what each mutant breaks, with the shortest way to it

The models are not the code: they say what the code's statements mean, so that every order of them, and every crash
between two of them, can be tried.
"""
