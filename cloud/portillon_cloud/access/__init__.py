"""Who may pass, from blocks, contract and dues: the one place that turns what is owed into rows for the turnstiles."""
