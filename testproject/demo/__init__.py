"""The demo: a real server, a bad network, and a count of what really happened."""
