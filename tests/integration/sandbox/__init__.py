"""The local AWS: one real thing each."""
