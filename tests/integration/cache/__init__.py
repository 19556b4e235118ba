"""The cache: real files, keys and processes."""
