"""Plans, contracts, subscriptions; invoices as a pure function of recorded facts, numbered without a gap."""
