"""Whoever tries cards for somebody else: tries are counted, held back beyond limits, and shown to a person."""
