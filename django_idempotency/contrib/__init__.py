"""Adapters to other packages. Each is imported only by who names it."""
