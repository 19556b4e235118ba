"""Tests of what is installed, not of a checkout; they need a package index, so `-m wheel` asks for them."""
