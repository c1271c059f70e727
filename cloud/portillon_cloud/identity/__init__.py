"""Who is asking: staff with passwords and sessions, programs with API keys, and what each may do."""
