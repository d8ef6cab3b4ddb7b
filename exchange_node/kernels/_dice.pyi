from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

def kernels() -> list[str]: ...
def search(
    kernel: str,
    most: int,
    words: Array,
    bits: Array,
    rest: Array,
    right_words: Array,
    right_bits: Array,
    right_rest: Array,
    order: Array,
    need: Array,
    ends: Array,
    /,
) -> tuple[bytes, bytes]: ...
