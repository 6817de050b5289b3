"""How a protocol whose answers have no room in their body says what takes a change back."""

UNDO_FIELD = "CloudConnect-Undo"
"""The header field that holds the token which ``POST /spaces/{space}/undo`` takes.

A change that touched two spaces has a token for each, with a blank between them.
"""


def undo_fields(*tokens: str) -> dict[str, str]:
    """Return the fields that tell *tokens*, of which any may be empty; none where nothing changed."""
    told = " ".join(filter(None, tokens))
    return {UNDO_FIELD: told} if told else {}
