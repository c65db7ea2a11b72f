"""
What drf-spectacular publishes of guarded operations: their keys, their refusals and their headers.

Where `"drf_spectacular"` is among the INSTALLED_APPS this is at work by itself, and elsewhere none of it is imported.
"""
