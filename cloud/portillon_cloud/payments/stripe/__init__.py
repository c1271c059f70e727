"""Stripe through its official client. Written from its documentation and tried on `portillon_psp`; never run live."""
