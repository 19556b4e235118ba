"""Pure code: no threads, network or processes."""
