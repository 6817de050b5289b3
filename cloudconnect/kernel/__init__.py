"""The words every part speaks: pure values from the standard library only."""
