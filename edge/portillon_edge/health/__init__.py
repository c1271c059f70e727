"""How the gateway is: the board that its parts report to, and the file in which everybody can read it."""
