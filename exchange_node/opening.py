"""Everything of one node, opened from its home."""

from __future__ import annotations

import time
from collections.abc import Callable

from exchange_node.audit.files import System
from exchange_node.audit.log import AuditLog
from exchange_node.config import Config, Home
from exchange_node.deciding import open_engine
from exchange_node.federation import Federation
from exchange_node.homes import log_origin, log_signer
from exchange_node.methods import linkage_methods
from exchange_node.node import Node
from exchange_node.policy.policy import Policy
from exchange_node.ports import Faults, Peers, Unconnected, no_faults
from exchange_node.records.mapping import RecordsMapping
from exchange_node.records.source import RecordFile
from exchange_node.store.errors import StoreError
from exchange_node.store.store import Store
from exchange_node.trust.clock import GuardedClock
from exchange_node.trust.documents import read
from exchange_node.trust.errors import TrustError
from exchange_node.trust.keys import HomeKeys
from exchange_node.trust.manifest import RootDocument
from exchange_node.trust.vault import Vault

_LOG = "log"


def open_node(
    home: Home,
    connect: Callable[[Node], Peers],
    *,
    time_source: Callable[[], float] = time.time,
    faults: Faults = no_faults,
    log_system: System | None = None,
    fsync: bool = True,
) -> Node:
    """Everything of one node, from its home. Raises ExchangeError of whatever is wrong with it.

    `faults`, `log_system` and `fsync=False` are for tests only.
    """
    config = home.load()
    keys = HomeKeys.open(home.path)
    home.database.parent.mkdir(mode=0o700, exist_ok=True)
    url = config.store.url or f"sqlite:///{home.database}"
    store = Store.open(url, spool=home.spool, spool_bytes=config.quota.spool_bytes, faults=faults)
    try:
        clock = GuardedClock(time_source, lambda: store.meta.raise_high_water(0) or None, _saver(store))
        federation = Federation(read(RootDocument, home.root_file.read_bytes()), store)
        org, now = config.node.organisation, int(time_source())
        audit = open_log(home, org, keys, store, federation, now, fsync=fsync, system=log_system)
        node = Node(
            config=config,
            keys=keys,
            signing_key=keys.signing,
            store=store,
            log=audit,
            vault=Vault(keys.seal),
            clock=clock,
            federation=federation,
            policy=Policy(open_engine(config.policy, home.path, federation.manifest, clock.now())),
            methods=linkage_methods(config.linkage.kernel, config.linkage.encoder),
            peers=Unconnected(),
            records=_records(home, config),
            faults=faults,
        )
    except BaseException:
        store.close()
        raise
    node.peers = connect(node)
    return node


def open_log(
    home: Home,
    org: str,
    keys: HomeKeys,
    store: Store,
    federation: Federation,
    now: int,
    *,
    fsync: bool = True,
    system: System | None = None,
) -> AuditLog:
    """The node's log, its checkpoint from now on under the present key. Raises AuditError, and StoreError `lost` where
    the database is not the one that the log was written beside.

    Where that key was rotated, the checkpoint is still under one that the manifest lists beside it.
    """
    try:
        listed = federation.manifest(now).org(org).log_vkeys
    except TrustError:
        listed = ()
    signer = log_signer(keys, org)
    audit = AuditLog.open(
        home.audit, log_origin(org), signer, store.audit_index, fsync=fsync, previous=listed, system=system
    )
    if audit.size() and not knows_its_log(store):
        audit.close()
        raise StoreError("lost", f"{audit.size()} entries in the log")
    if store.meta.get(_LOG) is None:
        store.meta.set(_LOG, log_origin(org))
    return audit


def knows_its_log(store: Store) -> bool:
    """Whether the log was ever written beside this database. A new one would answer as if nobody had objected."""
    return store.meta.get(_LOG) is not None or store.meta.raise_high_water(0) > 0


def _saver(store: Store) -> Callable[[int], None]:
    def save(now: int) -> None:
        store.meta.raise_high_water(now)

    return save


def _records(home: Home, config: Config) -> RecordFile | None:
    if config.records is None:
        return None
    mapping = RecordsMapping.parse(config.records)
    return RecordFile(home.path / mapping.file, mapping)
