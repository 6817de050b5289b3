"""The outside behind our ports."""
