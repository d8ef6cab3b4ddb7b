"""The kernels by name: ours in C, and anonlink's, which is its oracle."""

from __future__ import annotations

from exchange_node.kernels import dice
from exchange_node.linkage.by_anonlink import ANONLINK, Anonlink
from exchange_node.linkage.errors import LinkageError
from exchange_node.linkage.native import Native
from exchange_node.linkage.pairs import Kernel

DEFAULT_KERNEL = "native"


def native_kernels() -> list[str]:
    """Ours, as far as this machine can run them, the widest first: `native-avx512`, `native-avx2`, `native-popcnt`,
    `native-plain`."""
    return [f"native-{name}" for name in dice.kernels()]


def choose_kernel(name: str) -> Kernel:
    """The kernel of that name; `native` is the widest of ours, and its `name` says which that is.

    Raises LinkageError no-kernel rather than taking another one than the one that was named.
    """
    ours = native_kernels()
    if name in ("native", *ours):
        return Native((ours[0] if name == "native" else name).removeprefix("native-"))
    if name in ANONLINK:
        return Anonlink(name)
    raise LinkageError("no-kernel", f"{name}; here are {', '.join(('native', *ours, *ANONLINK))}")
