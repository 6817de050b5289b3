"""The rooms: one package per capability, all of one shape, none importing another."""
