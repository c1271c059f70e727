"""What the command line does, one file per thing an operator wants."""
