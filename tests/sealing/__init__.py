"""Stored bodies are safe to keep: encrypted, redacted, and on no error page."""
