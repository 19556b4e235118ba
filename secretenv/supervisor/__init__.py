"""The resident process: it owns the command, the signals and the time. Standard library only, one thread."""
