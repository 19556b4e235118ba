"""The examples: one real thing each."""
