"""`secretenv status`: pure code."""
