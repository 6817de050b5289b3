"""The face for commands."""
