"""Everything one node has, in one value that the spine and its helpers receive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from exchange_node.audit.log import AuditLog
from exchange_node.config import Config
from exchange_node.federation import Federation
from exchange_node.methods.method import LinkageMethod
from exchange_node.policy.policy import Policy
from exchange_node.ports import Faults, Peers, no_faults
from exchange_node.records.source import RecordFile
from exchange_node.store.store import Store
from exchange_node.trust.clock import Clock
from exchange_node.trust.keys import HomeKeys
from exchange_node.trust.signing import SigningKey
from exchange_node.trust.vault import EphemeralKey, Vault


@dataclass(slots=True)
class Node:
    """One agency's node; `records` is None for a linkage unit."""

    config: Config
    keys: HomeKeys
    signing_key: SigningKey
    store: Store
    log: AuditLog
    vault: Vault
    clock: Clock
    federation: Federation
    policy: Policy
    methods: Mapping[str, LinkageMethod]
    peers: Peers
    records: RecordFile | None = None
    faults: Faults = no_faults
    memory_key: EphemeralKey = field(default_factory=EphemeralKey)

    @property
    def org(self) -> str:
        """This node's organisation id."""
        return self.config.node.organisation

    def close(self) -> None:
        """Let go of the log, the database and the policy engine. `peers` are closed before, by whoever can wait."""
        self.log.close()
        self.store.close()
        self.policy.close()
