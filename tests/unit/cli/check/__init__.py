"""`secretenv check`: pure code."""
