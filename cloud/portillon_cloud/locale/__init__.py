"""English and French: catalogues, and how dates, money and durations are written."""
