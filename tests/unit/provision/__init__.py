"""The operator's side: pure code."""
