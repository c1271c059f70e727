"""Outputs: boards and pins that release or lock a door. Each file says what happens on loss of power, host and link."""
