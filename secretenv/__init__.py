"""Run a command with the secrets of AWS Secrets Manager in its environment."""

__version__ = "0.1.0"
