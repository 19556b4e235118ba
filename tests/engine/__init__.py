"""The examples on a real container engine."""
