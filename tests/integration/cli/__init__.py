"""The command line: one real thing each."""
