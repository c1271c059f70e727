"""Doors as staff sees and orders them: their plans, the orders above these, and what they report of themselves."""
