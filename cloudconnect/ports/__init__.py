"""What one part may ask of another or of the world: protocols and the values they speak of, nothing that runs."""
