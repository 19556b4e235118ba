"""The process that stays: pure code."""
