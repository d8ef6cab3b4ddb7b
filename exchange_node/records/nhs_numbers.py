"""NHS numbers of a whole column at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_WEIGHTS = np.arange(10, 0, -1, dtype=np.int32)  # with 1 for the check digit


def valid_nhs_numbers(values: Any) -> NDArray[np.bool_]:
    """Which strings of a pyarrow array are what `standardise.nhs_number` leaves as it is; shape (values,)."""
    found: NDArray[np.bool_] = pc.equal(pc.binary_length(values), 10).to_numpy(zero_copy_only=False)
    ten = values.filter(pa.array(found)).cast(pa.binary()).cast(pa.binary(10))
    digits = np.frombuffer(ten.buffers()[1], np.uint8, 10 * len(ten), 10 * ten.offset).reshape(-1, 10) - 48
    valid = (digits < 10).all(axis=1) & (digits.astype(np.int32) @ _WEIGHTS % 11 == 0)
    valid &= (digits != digits[:, :1]).any(axis=1)
    found[found] = valid
    return found
