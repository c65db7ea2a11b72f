"""What belongs to other packages; each works where its own is installed."""
