"""What people look at: read models made from several features' rows, and charts. Nothing here writes."""
