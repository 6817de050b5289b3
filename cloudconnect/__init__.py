"""CloudConnect: a storage appliance that keeps people's files encrypted, versioned and findable."""

__version__ = "0.1.0"
