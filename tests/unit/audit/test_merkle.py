from __future__ import annotations

import pytest

from exchange_node.audit import merkle
from exchange_node.audit.errors import AuditError
from exchange_node.audit.tiles import Edge

# The well-known vectors of Certificate Transparency's first implementation.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size: int) -> None:
    edge = Edge()
    for leaf in LEAVES[:size]:
        edge.append(merkle.leaf_hash(leaf))
    assert edge.root().hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3), (3, 3)])
def test_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(AuditError, match=r"audit\.no-proof"):
        merkle.inclusion_proof(lambda level, at: b"", index, size)
    with pytest.raises(AuditError, match=r"audit\.not-included"):
        merkle.verify_inclusion(merkle.EMPTY_ROOT, index, size, [], merkle.EMPTY_ROOT)


@pytest.mark.parametrize(("first", "second"), [(2, 1), (-1, 1)])
def test_no_consistency_backwards(first: int, second: int) -> None:
    with pytest.raises(AuditError, match=r"audit\.no-proof"):
        merkle.consistency_proof(lambda level, at: b"", first, second)
    with pytest.raises(AuditError, match=r"audit\.shrunk"):
        merkle.verify_consistency(first, second, [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)


def test_the_empty_tree_has_one_root() -> None:
    other = bytes.fromhex(ROOTS[3])
    merkle.verify_consistency(0, 3, [], merkle.EMPTY_ROOT, other)
    merkle.verify_consistency(0, 0, [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)
    for first, second, first_root, second_root, proof in (
        (0, 3, other, other, []),
        (0, 0, other, other, []),
        (0, 3, merkle.EMPTY_ROOT, other, [other]),
        (3, 3, other, bytes(32), []),
        (3, 3, other, other, [other]),
        (2, 3, other, other, []),
        (1, 3, other, other, []),
    ):
        with pytest.raises(AuditError, match=r"audit\.forked"):
            merkle.verify_consistency(first, second, proof, first_root, second_root)


def test_hashes_are_32_bytes() -> None:
    root = bytes.fromhex(ROOTS[1])
    with pytest.raises(AuditError, match=r"audit\.not-included"):
        merkle.verify_inclusion(root, 0, 2, [b"short"], root)
    with pytest.raises(AuditError, match=r"audit\.forked"):
        merkle.verify_consistency(1, 2, [b"short"], root, root)
