"""The tests: unit (pure), integration (one real thing each) and functional (the installed command)."""
