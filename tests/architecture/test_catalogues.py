"""Translations say the same with the same facts."""

import string
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

CATALOGUES = sorted((Path(__file__).parents[2] / "cloudconnect/locale").glob("*/LC_MESSAGES/cloudconnect.po"))


def placeholders(message):
    """The names of the facts that *message* shows."""
    texts = message if isinstance(message, tuple | list) else (message,)
    return {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_a_translation_shows_the_same_facts(catalogue):
    with catalogue.open("rb") as file:
        messages = [message for message in read_po(file) if message.id and message.string]

    wrong = [message.id for message in messages if placeholders(message.id) != placeholders(message.string)]

    assert messages
    assert wrong == []
