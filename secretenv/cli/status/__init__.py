"""`secretenv status`: how each running secretenv is, for people, programs and monitoring."""
