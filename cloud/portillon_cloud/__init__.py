"""Members, plans, invoices, payments, dunning, reports; who may pass, told to every gateway."""
