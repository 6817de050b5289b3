"""The tables of the files room: spaces, the temporal tree, versions and the trash."""
