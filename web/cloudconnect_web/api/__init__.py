"""The REST face: one module of operations per room."""
