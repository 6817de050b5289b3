"""The JSON shapes that cross HTTP, one module per room, shared by the web face and the client."""
