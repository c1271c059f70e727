"""What an accountant does with the book: close months, write off, enter by hand, read balances and statements."""
