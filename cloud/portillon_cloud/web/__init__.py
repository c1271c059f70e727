"""Pages, live updates and /api/v1. Imports nothing, so that a feature's api.py can use web.dependencies."""
