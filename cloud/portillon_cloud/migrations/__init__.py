"""The schema's history. A database is brought forward by `portillon-cloud migrate`, never by hand."""
