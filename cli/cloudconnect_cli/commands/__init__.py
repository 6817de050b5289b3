"""One module per noun; each registers its verbs."""
