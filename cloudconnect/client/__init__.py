"""The typed client of the REST face, through which every terminal face speaks."""
