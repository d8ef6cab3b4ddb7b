"""Making the next manifest from what members sent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from exchange_node.policy.bundle import bundle_digest, open_bundle, packaged_bundle
from exchange_node.trust.documents import format_time, read
from exchange_node.trust.join import parse_join_request
from exchange_node.trust.manifest import Manifest, Organisation, RootDocument
from exchange_node.trust.trusted_manifest import TrustedManifest

from .errors import CliError
from .session import read_file

DAY = 86_400
KEEP = 30 * DAY


def next_manifest(
    root: Path,
    joins: Sequence[Path],
    previous: Path | None,
    *,
    remove: Sequence[str] = (),
    suspend: Sequence[str] = (),
    retire: Sequence[str] = (),
    days: int = 90,
    keep: bool = False,
    until: str = "",
) -> tuple[Manifest, dict[str, str]]:
    """The manifest, and each join request's fingerprint. Raises TrustError, CliError.

    `keep`: the previous manifest's policy bundles stay approved for a while, `until` the end of a day if one is given.
    """
    if (keep and previous is None) or (until and not keep):
        raise CliError("bad-argument", "--until goes with --keep-bundles, and --keep-bundles with --previous")
    now, roots = int(time.time()), read(RootDocument, read_file(root))
    members: dict[str, Organisation] = {}
    kept: list[dict[str, Any]] = []
    number = 1
    if previous is not None:
        trusted = TrustedManifest.start(roots)
        before = trusted.update(read_file(previous), now)
        members, number = {org.id: org for org in before.organisations}, before.number + 1
        kept = _kept(before, now, until) if keep else []
    fingerprints = {}
    for path in joins:
        request = parse_join_request(read_file(path))
        fingerprints[request.id] = request.fingerprint
        members[request.id] = _joined(members.get(request.id), request.organisation)
    for name in (*remove, *suspend, *retire):
        if name not in members:
            raise CliError("bad-argument", f"{name} is no member")
    for name in remove:
        del members[name]
    for name in retire:
        members[name] = _retired(members[name], now)
    for name in suspend:
        members[name] = members[name].model_copy(update={"status": "suspended"})
    bundle = packaged_bundle()
    digest = bundle_digest(bundle)
    revision = open_bundle(bundle, {digest: now + 1}, now).revision[:16]
    manifest = Manifest.build(
        {
            "format": "exchange-manifest/v1",
            "federation": roots.federation,
            "number": number,
            "issued_at": format_time(now),
            "expires_at": format_time(now + days * DAY),
            "roots": _plain(roots.roots),
            "organisations": [_plain(member) for member in members.values()],
            "policy_bundles": [{"digest": digest, "revision": revision}, *(b for b in kept if b["digest"] != digest)],
        }
    )
    return manifest, fingerprints


def _kept(before: Manifest, now: int, until: str) -> list[dict[str, Any]]:
    """The bundles that still count. One that ends already ends no later, unless a day is given."""
    end = _end_of(until) if until else now + KEEP
    if end <= now:
        raise CliError("bad-argument", "--until: the day is over")
    return [
        {**_plain(b), "until": format_time(end if until or b.until is None else min(b.until, end))}
        for b in before.policy_bundles
        if b.until is None or now < b.until
    ]


def _end_of(day: str) -> int:
    """The first second after a day, UTC. Raises CliError."""
    try:
        return int(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) + DAY
    except ValueError:
        raise CliError("bad-argument", "--until: a day of the calendar as YYYY-MM-DD is expected") from None


def _joined(known: Organisation | None, new: Organisation) -> Organisation:
    """The new entry. A member's older keys stay until they are retired: its node still uses them."""
    if known is None:
        return new
    value, ids = _plain(new), {key.id for key in new.signing_keys}
    value["signing_keys"] = [*value["signing_keys"], *(_plain(k) for k in known.signing_keys if k.id not in ids)]
    value["log_vkeys"] = [*value["log_vkeys"], *(key for key in known.log_vkeys if key not in new.log_vkeys)]
    older = [pem for pem in known.tls_certificates if pem not in new.tls_certificates]
    value["tls_certificates"] = [*value["tls_certificates"], *older][:2]
    return Organisation.build(value)


def _retired(member: Organisation, now: int) -> Organisation:
    """Its newest certificate and signing key alone; log keys stay, so that older checkpoints can be verified."""
    value = _plain(member)
    value["tls_certificates"] = value["tls_certificates"][:1]
    value["signing_keys"] = [
        key if place == 0 or "revoked_at" in key else {**key, "revoked_at": format_time(now)}
        for place, key in enumerate(value["signing_keys"])
    ]
    return Organisation.build(value)


def _plain(document: Any) -> dict[str, Any]:
    return dict(document.model_dump(exclude_none=True))
