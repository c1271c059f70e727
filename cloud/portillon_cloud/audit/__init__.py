"""Look at all the books every night as if nobody trusted them; what does not add up is told in words until it does."""
