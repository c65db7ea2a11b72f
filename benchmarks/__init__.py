"""Measurements. What they found stands in docs/reference/performance.md; what was chosen for it, in docs/explanation."""
