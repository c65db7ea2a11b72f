"""Payments: charges at a provider outside. The claim is committed first, and what is unknown is found out."""
