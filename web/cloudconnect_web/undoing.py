"""How a protocol whose answers have no room in their body says what takes a change back."""

UNDO_FIELD = "CloudConnect-Undo"
"""The header field that holds the token which ``POST /spaces/{space}/undo`` takes."""


def undo_fields(token: str) -> dict[str, str]:
    """Return the fields that tell *token*; none where nothing changed."""
    return {UNDO_FIELD: token} if token else {}
