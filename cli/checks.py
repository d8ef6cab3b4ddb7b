"""What `exchange doctor` looks at. Each check tells one or more findings; one that fails does not hide the next."""

from __future__ import annotations

import shutil
import socket
import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from exchange_node.errors import ExchangeError

from .nodes import ADMIN
from .output import number
from .probe import reach
from .session import Session

if TYPE_CHECKING:
    from exchange_node.store.store import Store
    from exchange_node.trust.manifest import Manifest

DAY = 86_400
SOON = 30 * DAY
MIN_FREE = 1 << 30
Findings = Iterator["Finding"]
_OF_DATABASE = ("manifest", "membership", "policy", "peers")
_ACCEPT = "Give the node the manifest that the signers sent: `exchange manifest accept manifest.json`."
_UPGRADE = (
    "Bring this node to the release that the manifest approves, or give it a newer manifest:"
    " `exchange manifest accept manifest.json`."
)
# Where doctor knows better than the catalogue what to do.
_IN_WORDS = {
    "store.in-use": (
        "the node is starting, or another process has it",
        "Wait ten seconds and run `exchange doctor` again. If it stays so, end the process that has the database open.",
    ),
    "trust.no-manifest": ("none yet", _ACCEPT),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    good: bool
    told: str
    mend: str = ""


class Examination:
    """A home under examination. While the node serves, its database is its own, and it is asked instead."""

    def __init__(self, here: Session) -> None:
        self.home = here.home
        user = here.user or (ADMIN if (self.home.users / f"{ADMIN}.key").exists() else None)
        self.here = Session(here.path, user)
        self.now = int(time.time())
        self.manifest: Manifest | None = None
        self.found: list[Finding] = []
        self.locked = False  # somebody else has the database: what is read from it cannot be told

    def findings(self) -> list[Finding]:
        """Everything, in the order in which it matters."""
        if not self.home.config_file.exists():
            self.home.load()  # says that there is no node
        found = self.found
        for what, check in (
            ("configuration", self.configuration),
            ("keys", self.keys),
            ("disk", self.disk),
            ("database", self.database),
            ("manifest", self.federation),
            ("membership", self.membership),
            ("policy", self.policy),
            ("audit log", self.log),
            ("records", self.records),
            ("peers", self.peers),
        ):
            if not (self.locked and what in _OF_DATABASE):
                # What stands in the way of several checks, such as a broken configuration, is told once.
                told = {(finding.told, finding.mend) for finding in found if not finding.good}
                found += [one for one in _guarded(what, check) if (one.told, one.mend) not in told]
        return found

    def configuration(self) -> Findings:
        """config.toml and root.json."""
        config = self.home.load()
        yield Finding("configuration", True, f"{config.node.organisation}, listens at {config.node.listen}")
        if not self.home.root_file.exists():
            yield Finding(
                "root.json", False, "it is missing", "Copy the federation's root.json there; compare its fingerprint."
            )
        if self.here.serving:
            yield Finding("process", True, "the node serves")
        elif problem := _taken(config.node.listen):
            mend = f"End what listens at {config.node.listen}, or choose another node.listen in config.toml."
            yield Finding("process", False, f"the node cannot serve: {problem}", mend)
        else:
            yield Finding("process", True, "the node does not serve now")

    def keys(self) -> Findings:
        """That they are whole, and closed to others; the certificate's end."""
        from exchange_node.trust.certificates import certificate_validity
        from exchange_node.trust.keys import HomeKeys

        keys = HomeKeys.open(self.home.path)
        end = certificate_validity(keys.tls_certificate)[1]
        days = (end - self.now) // DAY
        yield Finding(
            "keys", end > self.now + SOON, f"whole and closed to others; certificate good for {number(days, 'day')}",
            "" if end > self.now + SOON else "Run `exchange key rotate tls`, and send join.json to the signers.",
        )  # fmt: skip
        for path in sorted(self.home.users.glob("*.key")):
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                yield Finding("keys", False, f"{path} is open to others", f"Run `chmod 600 {path}`.")

    def disk(self) -> Findings:
        """Room on the home's disk."""
        free = shutil.disk_usage(self.home.path).free
        mend = "" if free >= MIN_FREE else "Make room: a full disk refuses every request."
        yield Finding("disk", free >= MIN_FREE, f"{free / (1 << 30):.1f} GiB free", mend)

    def database(self) -> Findings:
        """That it opens; its version; the clock against the latest time it has seen."""
        if self.here.serving:
            from .session import connect

            with connect(self.here) as client:
                status = client.call("NodeStatus", {})
            yield Finding("database", True, "in use by the serving node")
            yield Finding("clock", True, f"the node trusts it: {status['time']}")
            return
        with self._store() as store:
            dialect = store.database.engine.dialect
            version = ".".join(map(str, getattr(dialect, "server_version_info", None) or ()))
            yield Finding("database", True, f"{dialect.name} {version}")
            yield from _guarded("clock", partial(self.clock, store))

    def clock(self, store: Store) -> Findings:
        """The clock is not before what the node has seen."""
        from exchange_node.trust.clock import GuardedClock

        clock = GuardedClock(time.time, lambda: store.meta.raise_high_water(0) or None, lambda _: None)
        clock.now()
        yield Finding("clock", True, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now)))

    def federation(self) -> Findings:
        """The manifest in force."""
        from exchange_node.federation import Federation
        from exchange_node.trust.documents import canonical, read
        from exchange_node.trust.manifest import Manifest, RootDocument

        if not self.home.root_file.exists():  # `configuration` has told so
            return
        if self.here.serving:
            from .session import connect

            with connect(self.here) as client:
                self.manifest = read(Manifest, canonical(client.call("ShowManifest", {})["text"]))
        else:
            with self._store() as store:
                federation = Federation(read(RootDocument, self.home.root_file.read_bytes()), store)
                self.manifest = federation.manifest(self.now)
        days = (self.manifest.expires_at - self.now) // DAY
        mend = "" if days > 7 else "Ask the signers for the next manifest; without one the node refuses everything."
        yield Finding("manifest", days > 7, f"number {self.manifest.number}, good for {number(days, 'day')}", mend)

    def membership(self) -> Findings:
        """The manifest lists us, with the keys and the address that we have."""
        from exchange_node.homes import log_signer
        from exchange_node.trust.certificates import fingerprint
        from exchange_node.trust.keys import HomeKeys

        if self.manifest is None:
            return
        node, keys = self.home.load().node, HomeKeys.open(self.home.path)
        member = self.manifest.org(node.organisation)
        self.manifest.signing_key(node.organisation, keys.signing.key_id, self.now)
        send = "Send join.json to the signers of the manifest, or restore the keys that it lists."
        wrong = {
            "TLS certificate": fingerprint(keys.tls_certificate) not in member.fingerprints,
            "log key": log_signer(keys, node.organisation).vkey not in member.log_vkeys,
            "address": node.address != member.address,
        }
        for what in (name for name, differs in wrong.items() if differs):
            yield Finding("membership", False, f"the manifest lists another {what} for this node", send)
        if not any(wrong.values()):
            yield Finding("membership", True, f"listed as {member.type}, {', '.join(member.roles)}")

    def policy(self) -> Findings:
        """The engine answers, with a bundle that the manifest approves."""
        from exchange_node.deciding import open_engine
        from exchange_node.policy.errors import PolicyError

        manifest = self.manifest
        if manifest is None:
            why = (f.mend for f in self.found if f.what in ("root.json", "manifest") and not f.good)
            yield Finding("policy", False, "not tried: no manifest in force approves it", next(why, _ACCEPT))
            return
        engine = open_engine(self.home.load().policy, self.home.path, lambda _: manifest, self.now)
        try:
            answer = engine.evaluate({"v": 1, "now": self.now})
        except PolicyError as error:
            if error.code != "policy.bundle-unapproved" or manifest.bundle(engine.bundle_digest, self.now):
                raise
            yield Finding(
                "policy", False, f"the manifest does not approve bundle {engine.bundle_digest[:16]}", _UPGRADE
            )
            return
        if not isinstance(answer, dict) or answer.get("allow") is not False:
            raise PolicyError("engine-failed", "it does not deny a question without content")
        yield Finding("policy", True, f"{engine.name} {engine.version}, bundle {engine.bundle_digest[:16]}")

    def log(self) -> Findings:
        """The whole log, on its bytes alone."""
        from exchange_node.audit.verify import verify_directory
        from exchange_node.homes import log_signer
        from exchange_node.store.errors import StoreError
        from exchange_node.trust.keys import HomeKeys

        if not self.home.audit.exists():
            yield Finding("audit log", True, "none yet: the node has not run")
            return
        key = log_signer(HomeKeys.open(self.home.path), self.home.load().node.organisation).vkey
        report = verify_directory(self.home.audit, key)
        yield Finding("audit log", True, f"it holds: {number(report.size, 'entry', 'entries')}")
        if report.size and not self.here.serving and not self.locked:
            from exchange_node.opening import knows_its_log

            with self._store() as store:
                if not knows_its_log(store):
                    raise StoreError("lost", f"{number(report.size, 'entry', 'entries')} in the log")

    def records(self) -> Findings:
        """The register, read as requests would read it; rows by number and rule, never by value."""
        from exchange_node.records.mapping import RecordsMapping
        from exchange_node.records.source import RecordFile

        config = self.home.load()
        if config.records is None:
            good = config.node.type == "linkage-unit"
            mend = "" if good else "Add a [records] table to config.toml."
            yield Finding("records", good, "none, as it should be" if good else "none configured", mend)
            return
        mapping = RecordsMapping.parse(config.records)
        report = RecordFile(self.home.path / mapping.file, mapping).check()
        enough = report.read > 0
        mend = "" if enough else "Compare the mapping in config.toml with the file's header."
        yield Finding("records", enough, f"{report.read} of {number(report.rows, 'row')} can be read", mend)
        for rule, tally in sorted(report.skipped.items()):
            yield Finding(
                "records", True, f"{number(tally.count, 'row')} left out, {rule}; first in row {tally.rows[0]}"
            )
        for field, rules in sorted(report.fields.items()):
            for rule, tally in sorted(rules.items()):
                yield Finding("records", True, f"{field}: {tally.count} taken as missing, {rule}; row {tally.rows[0]}")

    def peers(self) -> Findings:
        """Every other member's node, by a TLS handshake with the certificates of the manifest."""
        if self.manifest is None:
            return
        own = self.home.load().node.organisation
        others = [org for org in self.manifest.organisations if org.id != own and org.status == "active"]
        with ThreadPoolExecutor(8) as pool:
            for org, problem in zip(others, pool.map(partial(reach, self.home), others), strict=True):
                told, mend = problem or ("reached, with the certificate of the manifest", "")
                yield Finding(f"peer {org.id}", problem is None, f"{org.address}: {told}", mend)

    def _store(self) -> Store:
        from exchange_node.store.errors import StoreError
        from exchange_node.store.store import Store

        config = self.home.load()
        self.home.database.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            return Store.open(config.store.url or f"sqlite:///{self.home.database}")
        except StoreError as error:
            self.locked = error.code == "store.in-use"
            raise


def _taken(listen: str) -> str:
    """Why the node could not listen there; empty if it could."""
    host, _, port = listen.rpartition(":")
    try:
        socket.create_server((host.strip("[]"), int(port)), family=_family(host)).close()
    except socket.gaierror:
        return f"{host} is no address of this machine"
    except OSError as error:
        return f"{listen}: {(error.strerror or type(error).__name__).lower()}"
    return ""


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def examine(here: Session) -> list[Finding]:
    """Look at everything. Raises ConfigError `no-home`."""
    return Examination(here).findings()


def _guarded(what: str, check: Callable[[], Findings]) -> list[Finding]:
    """The findings of a check; an error is one more, with what mends it."""
    found: list[Finding] = []
    try:
        found.extend(check())
    except ExchangeError as error:
        detail = f" ({error.detail})" if error.detail else ""
        told, mend = _IN_WORDS.get(error.code, (error.says.sentence, error.says.mend))
        found.append(Finding(what, False, told + detail, mend))
    except OSError as error:
        found.append(Finding(what, False, error.strerror or type(error).__name__, f"Check the files of {what}."))
    return found
