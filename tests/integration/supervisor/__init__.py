"""The process that stays: one real thing each."""
