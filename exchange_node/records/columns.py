"""A whole register in memory by columns: each distinct value once, and a code for each row.

Registers repeat themselves (a million people have some 50,000 surnames), so whatever is done to a value, from
standardising to hashing, is done once for each distinct one and not once for each row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["name", "date", "sex", "postcode", "address", "place", "number", "text"]
"""How values of a field are standardised and compared. `place` is a town, suburb or state; `number` an identifier that
is right or wrong as a whole (NHS, NI, phone, e-mail); `text` anything else that both files have."""


@dataclass(frozen=True, slots=True, repr=False)
class Column:
    """One field of a register, in standard form.

    `values`: the distinct values; the first is always "", which means missing. `codes`, shape (rows,), int32: for each
    row the index of its value. Forms: `name` `[a-z ]*`; `date` `YYYY-MM-DD`, where a part that is not known is `00`
    (or `0000`), and a day that no calendar has stays as it was written; `sex` `f` or `m`; `postcode` `AB1 2CD`, or of
    another country lower-case letters and digits; `address` `[a-z0-9 ]*` with house number first where there is one;
    `place` and `text` `[a-z0-9 ]*`; `number` letters and digits, an e-mail address in lower case.
    """

    name: str
    kind: Kind
    values: list[str]
    codes: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        """Nothing of the people, so that no log or traceback can show one."""
        return f"Column({self.name}, {len(self.values)} values)"

    def take(self, rows: NDArray[np.integer]) -> Column:
        """The same column of some of the rows, in that order; the values stay."""
        return Column(self.name, self.kind, self.values, self.codes[rows])

    @classmethod
    def of(cls, name: str, kind: Kind, texts: list[str]) -> Column:
        """From one standardised text for each row."""
        places: dict[str, int] = {"": 0}
        codes = np.fromiter((places.setdefault(text, len(places)) for text in texts), np.int32, len(texts))
        return cls(name, kind, list(places), codes)


Columns = Mapping[str, Column]
"""By field name: `forename`, `middle_names`, `surname`, `date_of_birth`, `sex`, `postcode`, `address_line`, `town`,
`phone`, `email`, `nhs_number`, `ni_number`, and what else both registers have under the name of its column."""
