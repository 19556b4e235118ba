"""Run a program with secrets from AWS Secrets Manager in its environment."""

__version__ = "0.1.0"
