"""Direct debits through the gym's own bank: mandates, files for the bank (pain.008), and what it answers."""
