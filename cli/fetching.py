"""Results from the node to files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exchange_node.release.columns import Column, parse_type
from exchange_node.release.provenance import Provenance
from exchange_node.release.results import Table, export, restore

from .errors import CliError

if TYPE_CHECKING:
    from exchange_node.rpc.desk_client import DeskClient


def fetch(client: DeskClient, request: str, provider: str, folder: Path, overwrite: bool) -> list[dict[str, Any]]:
    """Write the table of each provider that has released; what was written. Raises RemoteError, ReleaseError."""
    if provider:
        wanted = [provider]
    else:
        status = client.call("ShowRequest", {"request": request})
        ready = [leg["provider"] for leg in status["legs"] if leg["results"]]
        wanted = ready or [leg["provider"] for leg in status["legs"]]  # the node says why there is nothing
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CliError("cannot-write", f"{folder}: {error.strerror}") from None
    told = []
    for name in wanted:
        pieces = client.fetch("FetchResults", {"request": request, "provider": name})
        document = json.loads(b"".join(pieces))
        table = _table(document)
        facts = document["provenance"]
        provenance = Provenance(**{**facts, "obligations": tuple(facts["obligations"])})
        files = export(table, folder, f"{request[:8]}-{name}", provenance, overwrite)
        told.append(
            {
                "provider": name,
                "rows": len(table.keys),
                "with_values": len(table.released),
                "files": [str(path) for path in files],
            }
        )
    return told


def _table(document: dict[str, Any]) -> Table:
    columns = [_column(column) for column in document["columns"]]
    return restore(columns, document["keys"], document["released"])


def _column(document: dict[str, Any]) -> Column:
    kind = {name: value for name, value in document.items() if name not in ("name", "transform", "description")}
    return Column(document["name"], parse_type(kind), document["transform"], document["description"])
