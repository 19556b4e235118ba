"""The words of a user: pure code."""
