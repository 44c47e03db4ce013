"""Executable examples: behaviour as data, run against any pair of sides (contract 6)."""
