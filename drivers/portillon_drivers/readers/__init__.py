"""Readers: bytes from a line become credentials, or faults, never guesses."""
