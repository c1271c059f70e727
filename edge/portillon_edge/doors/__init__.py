"""Doors: one pure machine per kind of door, the attendant that decides at them, and the single loop that runs both."""
