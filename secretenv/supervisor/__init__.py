"""The process that stays: it owns the command, the signals and time. Standard library only, one thread."""
