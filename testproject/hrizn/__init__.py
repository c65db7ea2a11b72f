"""hrizn."""
