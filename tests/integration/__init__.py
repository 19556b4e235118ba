"""One real thing each: a process, a terminal, a TLS connection, moto."""
