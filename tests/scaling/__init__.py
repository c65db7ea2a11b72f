"""More than one database server."""
