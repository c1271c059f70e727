"""Gateways: who they are, what each must know (feed), how long it may act alone (lease), and how it is reached."""
