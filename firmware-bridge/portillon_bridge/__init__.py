"""The host side of a microcontroller turnstile board."""
