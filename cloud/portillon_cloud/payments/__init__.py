"""What is owed and how it is paid: intents, attempts at a provider, payments received, allocations to invoices."""
