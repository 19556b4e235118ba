"""README, manual page and pages: pure code."""
