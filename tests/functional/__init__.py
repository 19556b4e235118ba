"""The installed `secretenv` in a process of its own, against the sandbox."""
