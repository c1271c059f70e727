"""What happens when a charge fails: retries, reminders, restrictions by date, and the way back on payment."""
