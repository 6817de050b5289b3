"""The engine: bytes in, manifest out; it cuts, seals, packs and finds again, and has never heard of a user."""
