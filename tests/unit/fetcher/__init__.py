"""The fetcher: pure code."""
