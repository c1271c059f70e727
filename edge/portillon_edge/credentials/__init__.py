"""From what a reader tells to a credential that may be looked up: passes, counters, single-use codes, PINs."""
