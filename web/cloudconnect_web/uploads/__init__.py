"""Uploads that many requests continue: tus 1.0, and the IETF draft for resumable uploads over HTTP."""
