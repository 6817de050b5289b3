"""Sentences for people, kept translatable until a face knows the reader's language."""

from dataclasses import dataclass, field


def N_(message: str) -> str:  # noqa: N802 - the name gettext extraction knows
    """Mark *message* for extraction into the catalogues and return it unchanged."""
    return message


@dataclass(frozen=True, slots=True)
class Text:
    """A message and the facts that fill its ``{placeholders}``; a face translates first and fills afterwards."""

    message: str
    facts: dict[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the sentence in English."""
        return self.message.format(**self.facts) if self.facts else self.message
