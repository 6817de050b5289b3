"""How a protocol whose answers have no room in their body says what takes a change back."""

UNDO_FIELD = "CloudConnect-Undo"
"""The header field that holds the token which ``POST /spaces/{space}/undo`` takes."""

SOURCE_UNDO_FIELD = "CloudConnect-Source-Undo"
"""The field of a move into another space that holds the token which brings the original back."""


def undo_fields(token: str, source_token: str = "") -> dict[str, str]:
    """Return the fields that tell *token*, and *source_token* after a move between spaces; none for none."""
    return {field: told for field, told in ((UNDO_FIELD, token), (SOURCE_UNDO_FIELD, source_token)) if told}
