"""The command line: pure code."""
