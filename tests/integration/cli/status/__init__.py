"""`secretenv status`: processes that hold a status, and files."""
