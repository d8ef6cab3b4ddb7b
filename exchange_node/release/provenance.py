"""The file that stands beside a result and says where it comes from, why it was lawful, and how to check
that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from exchange_node.release.columns import Column
from exchange_node.release.files import FileDigest, private_file
from exchange_node.release.transforms import TRANSFORMS

FORMAT = "exchange-provenance-v1"

READING = (
    "There is one line for every row of the cohort, in the cohort's order.",
    "An empty cell means that no value was released. It says nothing about why: a person who was not linked, "
    "one about whom nothing may be released and one who is not known look the same.",
    "Linkage can be wrong: a line may rarely speak of another person. Check before acting on it.",
    "The CSV file is UTF-8 (RFC 4180). Where a text begins with = + - @ ' or a control character, after any "
    "spaces, an apostrophe stands before it, so that no spreadsheet takes it for a formula. The Parquet file "
    "holds the texts as they were released.",
    "Yes-or-no values are written yes and no in CSV, dates YYYY-MM-DD.",
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Facts about one result: one request to one provider. Times are epoch seconds UTC, digests 64 hex
    characters, signatures base64 or hex as their format has it; `checkpoint` and `inclusion` are the texts of
    C2SP signed note and tlog-proof that cover the requester's own entry of the release."""

    request_id: str
    request_digest: str
    requester: str
    purpose: str
    provider: str
    agreement_id: str
    agreement_version: str
    agreement_digest: str
    agreement_title: str
    decision_engine: str
    bundle_digest: str
    method: str
    method_version: str
    release_digest: str
    release_signature: str
    release_key_id: str
    log_origin: str
    log_checkpoint: str
    log_inclusion: str
    exported_by: str
    exported_at: int
    retention: str
    onward: str
    obligations: tuple[str, ...] = ()
    decision_id: str | None = None  # what the provider tells of its decision beyond engine and bundle, if anything
    input_digest: str | None = None


def document(facts: Provenance, columns: Sequence[Column], files: Sequence[FileDigest]) -> dict[str, object]:
    """The provenance as JSON. It holds no cell of the table and no id of a cohort row."""
    return {
        "format": FORMAT,
        "request": {
            "id": facts.request_id,
            "digest": facts.request_digest,
            "requester": facts.requester,
            "purpose": facts.purpose,
        },
        "provider": facts.provider,
        "agreement": {
            "id": facts.agreement_id,
            "version": facts.agreement_version,
            "digest": facts.agreement_digest,
            "title": facts.agreement_title,
        },
        "decision": {
            "engine": facts.decision_engine,
            "bundle_digest": facts.bundle_digest,
            **({"id": facts.decision_id} if facts.decision_id else {}),
            **({"input_digest": facts.input_digest} if facts.input_digest else {}),
        },
        "linkage": {"method": facts.method, "version": facts.method_version},
        "release": {
            "digest": facts.release_digest,
            "signature": facts.release_signature,
            "key_id": facts.release_key_id,
        },
        "log": {
            "origin": facts.log_origin,
            "checkpoint": facts.log_checkpoint,
            "inclusion": facts.log_inclusion,
        },
        "exported": {
            "by": facts.exported_by,
            "at": datetime.fromtimestamp(facts.exported_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        "duties": {"retention": facts.retention, "onward": facts.onward, "others": list(facts.obligations)},
        "columns": [_describe(column) for column in columns],
        "files": [asdict(file) for file in files],
        "how_to_read": list(READING),
    }


def _describe(column: Column) -> dict[str, object]:
    transform = TRANSFORMS.get(column.transform)
    meaning = " ".join(transform.words.split()) if transform else "The value as the provider holds it."
    return {**column.document(), "description": column.description, "meaning": meaning}


def provenance_text(facts: Provenance, columns: Sequence[Column], files: Sequence[FileDigest]) -> bytes:
    """`document` as the bytes of a file that people can read."""
    return json.dumps(document(facts, columns, files), ensure_ascii=False, indent=2).encode() + b"\n"


def write_provenance(
    path: Path,
    facts: Provenance,
    columns: Sequence[Column],
    files: Sequence[FileDigest],
    overwrite: bool = False,
) -> None:
    """Writes it, readable by its owner alone. Raises ReleaseError `file-exists`, `cannot-write`."""
    with private_file(path, overwrite) as handle:
        handle.write(provenance_text(facts, columns, files))
