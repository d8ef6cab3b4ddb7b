"""Durable state: SQLite by default, PostgreSQL by URL.

`Store.open` is the way in; records stand in `model`.
"""

from exchange_node.store.errors import StoreError
from exchange_node.store.spool import Spool
from exchange_node.store.store import Store

__all__ = ["Spool", "Store", "StoreError"]
