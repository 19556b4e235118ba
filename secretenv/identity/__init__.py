"""Who the device is to AWS: its files, its TLS connections, its temporary credentials."""
