"""`secretenv status`: the status of each running secretenv, for people, programs and monitoring."""
