"""Disputes: a payer's bank takes money back, or asks; what is to be said by when, and what follows from the end."""
