"""The operator's side: one real thing each."""
