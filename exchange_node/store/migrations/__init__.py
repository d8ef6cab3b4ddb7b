"""How a database becomes what `store/tables.py` says: Alembic revisions, never edited once released."""
