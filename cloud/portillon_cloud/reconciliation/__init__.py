"""What bank and payment provider say beside what we booked: every cent explained, or listed."""
