"""The Merkle tree of RFC 6962 (SHA-256): hashes, proofs and their verification. Pure.

A tree is read through a `Node` function that gives the hash of a *complete* subtree: `node(level, index)`
is the Merkle tree hash of the entries `index * 2**level` up to `(index + 1) * 2**level`, level 0 being leaf
hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from exchange_node.audit.errors import AuditError

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Node = Callable[[int, int], bytes]


def leaf_hash(data: bytes) -> bytes:
    """Hash of one entry, 32 bytes (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node over its two children, 32 bytes (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def complete_root(hashes: Sequence[bytes]) -> bytes:
    """Root over 2**k hashes of equal height."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


def peaks(size: int) -> list[tuple[int, int]]:
    """`(level, index)` of the complete subtrees that make up a tree of `size`, the largest first."""
    found = []
    start = 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            found.append((level, start >> level))
            start += 1 << level
    return found


def root(node: Node, size: int) -> bytes:
    """Root of the tree of the first `size` entries."""
    return _range_hash(node, 0, size) if size else EMPTY_ROOT


def inclusion_proof(node: Node, index: int, size: int) -> list[bytes]:
    """Audit path of one entry, from the leaf's sibling up (RFC 6962, 2.1.1).

    Raises:
        AuditError: `no-proof` unless `0 <= index < size`.
    """
    if not 0 <= index < size:
        raise AuditError("no-proof", f"entry {index} in a tree of {size}")
    path = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_hash(node, middle, high))
            high = middle
        else:
            path.append(_range_hash(node, low, middle))
            low = middle
    return path[::-1]


def consistency_proof(node: Node, first: int, second: int) -> list[bytes]:
    """Proof that the tree of `first` entries is a prefix of that of `second` (RFC 6962, 2.1.2).

    It is empty where there is nothing to prove: from the empty tree, and between equal sizes.

    Raises:
        AuditError: `no-proof` unless `0 <= first <= second`.
    """
    if not 0 <= first <= second:
        raise AuditError("no-proof", f"from size {first} to {second}")
    if first in (0, second):
        return []
    path = []
    low, high = 0, second
    while first != high:
        middle = low + _split(high - low)
        if first <= middle:
            path.append(_range_hash(node, middle, high))
            high = middle
        else:
            path.append(_range_hash(node, low, middle))
            low = middle
    if low:  # the old root itself is known to the verifier, any other start is not
        path.append(_range_hash(node, low, high))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root_hash: bytes) -> None:
    """Check an audit path (RFC 9162, 2.1.3.2, the same tree).

    Raises:
        AuditError: `not-included` in every other case than a proof that holds.
    """
    if not 0 <= index < size:
        raise AuditError("not-included", f"entry {index} cannot be in a tree of {size}")
    _demand_hashes("not-included", [leaf, *proof, root_hash])
    computed = leaf
    position, last = index, size - 1
    for sibling in proof:
        if last == 0:
            raise AuditError("not-included", "the path is too long")
        if position & 1 or position == last:
            computed = node_hash(sibling, computed)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise AuditError("not-included", "the path is too short")
    if computed != root_hash:
        raise AuditError("not-included", "the path leads to another root")


def verify_consistency(first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> None:
    """Check a consistency proof (RFC 9162, 2.1.4.2, the same tree).

    Raises:
        AuditError: `shrunk` if `second < first`, `forked` in every other case than a proof that holds.
    """
    if not 0 <= first <= second:
        raise AuditError("shrunk", f"size {first} before, {second} now")
    _demand_hashes("forked", [*proof, first_root, second_root])
    for size, tree_root in ((first, first_root), (second, second_root)):
        if size == 0 and tree_root != EMPTY_ROOT:
            raise AuditError("forked", "a root of the empty tree that it cannot have")
    if first in (0, second):
        if proof:
            raise AuditError("forked", "a proof where none can be")
        if first == second and first_root != second_root:
            raise AuditError("forked", f"two roots of the same size {first}")
        return
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        raise AuditError("forked", "the proof is too short")
    position, last = first - 1, second - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise AuditError("forked", "the proof is too long")
        if position & 1 or position == last:
            old = node_hash(sibling, old)
            new = node_hash(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise AuditError("forked", "the proof is too short")
    if old != first_root or new != second_root:
        raise AuditError("forked", f"the proof does not lead from size {first} to size {second}")


def _range_hash(node: Node, low: int, high: int) -> bytes:
    """Merkle tree hash of the entries low up to high, where low is where RFC 6962's split leaves it."""
    start = low
    parts = []
    for level, _ in peaks(high - low):
        parts.append(node(level, start >> level))
        start += 1 << level
    computed = parts.pop()
    while parts:
        computed = node_hash(parts.pop(), computed)
    return computed


def _split(size: int) -> int:
    """The largest power of two below `size`, for sizes of at least 2."""
    return 1 << (size - 1).bit_length() - 1


def _demand_hashes(code: str, hashes: Sequence[bytes]) -> None:
    if any(len(digest) != HASH_SIZE for digest in hashes):
        raise AuditError(code, "a hash that is not 32 bytes long")
