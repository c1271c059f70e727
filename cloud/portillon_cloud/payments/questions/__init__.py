"""Questions about an invoice: who asks is left in peace for a while, and is answered by a person, on record."""
