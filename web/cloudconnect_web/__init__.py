"""The face for HTTP: REST, pages and everything a browser or a script meets."""
