"""The front desk: who may enter and why, what is owed, the one thing to do now; grace, plans and receipts."""
