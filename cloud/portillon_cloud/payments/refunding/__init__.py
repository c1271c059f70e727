"""Pay back what is owed to members: by the way it came, or by hand; each payout once."""
