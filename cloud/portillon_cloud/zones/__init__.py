"""Zones: who may be in which of them, how many, and whom staff let begin anew."""
