"""Inputs: contacts that tell of passages, open doors and requests to exit."""
