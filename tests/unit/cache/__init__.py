"""The cache: what is pure."""
