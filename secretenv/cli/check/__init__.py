"""`secretenv check`: walk the chain link by link and name the broken one."""
