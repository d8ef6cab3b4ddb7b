"""Sizes that both ends of a call keep to."""

from __future__ import annotations

from typing import Final

MAX_MESSAGE: Final = 4 * 1024 * 1024  # bytes of one gRPC message, framing included
MAX_CHUNK: Final = 1024 * 1024  # bytes of one chunk of bulk data
