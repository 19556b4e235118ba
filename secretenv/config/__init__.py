"""From a user's words (flags, variables, settings file) to Settings."""
