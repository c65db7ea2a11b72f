"""Who calls: organizations, their API keys and their credits, the same for every system."""
