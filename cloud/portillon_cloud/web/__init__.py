"""What people and programs see over HTTP: pages, live updates, /api/v1. Kept empty so that a feature's api.py can import its siblings."""
