"""What technicians do at the terminal beyond `check` and `status`."""
