"""Whet: pipelines that draft posts. The key travels in the body, and lives as long as what its request made."""
