"""Messages to people: written in the transaction that causes them, carried outside of any."""
