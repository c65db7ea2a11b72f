"""What the demonstration knows before it starts. All of it is public, so none of it belongs in a deployment."""

ORGANIZATIONS = ("acme", "globex")

# Login and password of the demonstration's admin.
ADMIN = "admin"


def tokens_of(organization: str) -> tuple[str, ...]:
    """Tell the two tokens of an organization."""
    return (f"{organization}-key-1", f"{organization}-key-2")
