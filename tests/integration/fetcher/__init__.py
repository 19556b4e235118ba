"""The fetcher: one real thing each."""
