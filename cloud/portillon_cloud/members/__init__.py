"""Organisations, sites, accounts (who pays), members (who pass) and their credentials."""
