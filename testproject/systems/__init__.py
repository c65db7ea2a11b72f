"""What every system needs, whatever its rules: identifiers, error bodies, request ids, faults, a base view."""
