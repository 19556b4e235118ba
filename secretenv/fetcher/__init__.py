"""The process that lives for one fetch: certificate, credentials, secrets, variables."""
