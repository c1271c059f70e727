"""Double entry: zero-sum by construction, one row per posting, nothing ever changed."""
