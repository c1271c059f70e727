"""What an invoice run should come to, told beforehand; a run that leaves it stops itself until a person has looked."""
