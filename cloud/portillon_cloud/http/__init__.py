"""What the routes of /api/v1 are made of, below the features: who asks, pages of lists, problem details."""
