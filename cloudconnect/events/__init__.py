"""Everything that can happen: one module per room, facts in the past tense."""

from cloudconnect.events import auth, backends, backup, developer, encryption, files, operations, sessions
from cloudconnect.events.fact import Fact, SpaceFact

__all__ = ["Fact", "SpaceFact", "catalogue"]

_MODULES = (auth, backends, backup, developer, encryption, files, operations, sessions)


def catalogue() -> dict[str, type[Fact]]:
    """Return every kind of fact and its class, by kind."""
    facts = [
        value
        for module in _MODULES
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Fact) and value.__module__ == module.__name__
    ]
    return {fact.kind: fact for fact in sorted(facts, key=lambda fact: fact.kind)}
