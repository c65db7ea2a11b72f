"""Measurements. What they found, and what was chosen for it, stands in docs/explanation/performance.md."""
