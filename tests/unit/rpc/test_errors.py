"""What an error carries to our own people fits into gRPC's metadata, whole."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from exchange_node.draft import DraftError
from exchange_node.rpc.errors import DOCUMENT, MAX_DOCUMENT, private_metadata


@dataclass(frozen=True)
class Reason:
    code: str
    statute: str = "a statute"
    condition: str = "a condition"
    sentence: str = "A sentence."
    mend: str = "A way out."


class Decision:
    def __init__(self, reasons: int, length: int) -> None:
        self._reasons = [Reason(f"code-{n}", sentence="x" * length) for n in range(reasons)]

    def all_reasons(self) -> list[Reason]:
        return self._reasons

    def to_json(self) -> dict[str, object]:
        return {"reasons": [vars(reason) for reason in self._reasons], "more": "y" * 200}


@pytest.mark.parametrize(("reasons", "length"), [(1, 10), (40, 100), (8, 1000), (1, 7000)])
@pytest.mark.parametrize("detail", ["", "d" * 7000])
def test_a_document_is_left_out_in_parts_and_never_cut(reasons: int, length: int, detail: str) -> None:
    error = DraftError("empty-cohort", detail)
    error.decisions = [Decision(reasons, length)]  # type: ignore[attr-defined]
    data = dict(private_metadata(error))[DOCUMENT]
    assert isinstance(data, bytes) and len(data) <= MAX_DOCUMENT
    document = json.loads(data)
    assert document["code"] == "draft.empty-cohort" and document["sentence"] and document["mend"]
    if not detail and length <= 1000:
        told = document.get("reasons") or document["decisions"][0]["reasons"]
        assert [reason["code"] for reason in told] == [f"code-{n}" for n in range(len(told))] and told
