"""`exchange manifest`: the federation's list of members, made offline, signed by its roots, given to nodes."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exchange_node.config import ConfigError

from .errors import CliError
from .output import Json, examples, number, say, show, table
from .session import call, read_file, session, write_file

if TYPE_CHECKING:
    from exchange_node.trust.signing import Envelope

app = typer.Typer(
    help="The federation's signed list of members: who they are, where, and with which keys.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_OUT = typer.Option("--out", "-o", help="The file to write.")


@app.command(epilog=examples("exchange manifest keygen -o root-1.key    # on a machine that stays offline"))
def keygen(out: Annotated[Path, _OUT], as_json: Json = False) -> None:
    """Make a root key: FILE is the secret, FILE.pub its public half."""
    from exchange_node.trust.manifest import PublicKey
    from exchange_node.trust.signing import SigningKey

    key = SigningKey.generate()
    public = PublicKey.of(key)
    write_file(out, key.to_pem(), secret=True)
    write_file(out.with_name(out.name + ".pub"), public.encode() + b"\n")
    document = {"key": str(out), "public": f"{out}.pub", "id": public.id}
    show(document, as_json, lambda: say(f"Root key {public.id}: keep {out} offline, hand out {out}.pub."))


@app.command(epilog=examples("exchange manifest root --federation fairshire --threshold 2 root-*.key.pub -o root.json"))
def root(
    keys: Annotated[list[Path], typer.Argument(help="Public halves of the root keys.")],
    federation: Annotated[str, typer.Option(help="The federation's name.")],
    out: Annotated[Path, _OUT],
    threshold: Annotated[int, typer.Option(help="How many roots must sign a manifest.")] = 2,
    as_json: Json = False,
) -> None:
    """Write root.json: the keys that every member starts from."""
    from exchange_node.trust.documents import load
    from exchange_node.trust.manifest import RootDocument

    if not 0 < threshold <= len(keys):
        raise CliError("bad-argument", f"--threshold: {threshold} of {number(len(keys), 'key')} cannot sign")
    document = RootDocument.build(
        {
            "format": "exchange-roots/v1",
            "federation": federation,
            "roots": {"threshold": threshold, "keys": [load(read_file(path)) for path in keys]},
        }
    )
    write_file(out, document.encode() + b"\n")
    told = {"file": str(out), "fingerprint": document.fingerprint, "keys": len(keys), "threshold": threshold}
    show(told, as_json, lambda: say(f"{threshold} of {len(keys)} roots must sign. Fingerprint: {document.fingerprint}"))


@app.command(
    epilog=examples(
        "exchange manifest draft --root root.json northgate/join.json castle/join.json -o manifest.json",
        "exchange manifest draft --root root.json --previous manifest.json riverside/join.json -o next.json",
        "exchange manifest draft --root root.json --previous manifest.json --keep-bundles -o next.json  # upgrades",
    )
)
def draft(
    out: Annotated[Path, _OUT],
    root: Annotated[Path, typer.Option(help="The federation's root.json.")],
    joins: Annotated[list[Path] | None, typer.Argument(help="The join.json files of members, new or renewed.")] = None,
    previous: Annotated[Path | None, typer.Option(help="The manifest in force, to be continued.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="A member to leave out; may be repeated.")] = None,
    suspend: Annotated[list[str] | None, typer.Option(help="A member to suspend; may be repeated.")] = None,
    retire: Annotated[
        list[str] | None, typer.Option(help="A member whose older keys and certificates end now; may be repeated.")
    ] = None,
    days: Annotated[int, typer.Option(help="How long it counts, at most 400.")] = 90,
    keep_bundles: Annotated[
        bool,
        typer.Option("--keep-bundles", help="Approve the previous manifest's policy too, while members upgrade."),
    ] = False,
    until: Annotated[
        str, typer.Option(metavar="YYYY-MM-DD", help="The last day of what --keep-bundles keeps; else 30 days.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Write the next manifest, unsigned, approving the policy of this release. Signers compare fingerprints first."""
    from .drafting import next_manifest

    document, fingerprints = next_manifest(
        root, joins or [], previous, remove=remove or [], suspend=suspend or [], retire=retire or [], days=days,
        keep=keep_bundles, until=until,
    )  # fmt: skip
    write_file(out, json.dumps(json.loads(document.encode()), indent=2, ensure_ascii=False).encode() + b"\n")
    bundles = [dict(bundle.model_dump(exclude_none=True)) for bundle in document.policy_bundles]
    told = {"file": str(out), "number": document.number, "fingerprints": fingerprints, "policy_bundles": bundles}

    def draw() -> None:
        members = number(len(document.organisations), "member")
        say(f"Manifest {document.number} of {document.federation} with {members} in {out}.")
        table(("Joins", "Fingerprint, to compare by telephone"), fingerprints.items())
        _say_bundles(bundles)
        say(f"Next: exchange manifest sign {out} --key root-1.key")

    show(told, as_json, draw)


@app.command(
    epilog=examples("exchange manifest sign manifest.json --key root-1.key    # then the next signer, same file")
)
def sign(
    file: Path,
    key: Annotated[list[Path], typer.Option(help="A root key; may be repeated.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Another file; else FILE itself.")] = None,
    as_json: Json = False,
) -> None:
    """Add a root's signature."""
    from exchange_node.trust.documents import read
    from exchange_node.trust.errors import TrustError
    from exchange_node.trust.manifest import MANIFEST_TYPE, Manifest
    from exchange_node.trust.signing import SigningKey

    envelope = _envelope(read_file(file))
    if envelope.payload_type != MANIFEST_TYPE:
        raise TrustError("wrong-type", f"{MANIFEST_TYPE} is expected")
    manifest = read(Manifest, envelope.payload)
    for path in key:
        signing = SigningKey.from_pem(read_file(path))
        if signing.key_id not in manifest.roots.verify_keys:
            raise TrustError("unknown-key", f"{path} is none of the manifest's roots")
        envelope = envelope.add_signature(signing)
    write_file(out or file, envelope.encode(), overwrite=out is None)
    count, needed = len(envelope.signatures), manifest.roots.threshold
    told = {"file": str(out or file), "signatures": count, "threshold": needed}
    show(told, as_json, lambda: say(f"{number(count, 'signature')}; {needed} {'is' if needed == 1 else 'are'} needed."))


def _envelope(data: bytes) -> Envelope:
    """A signed manifest, or a draft as an envelope without signatures. Raises TrustError."""
    from exchange_node.trust.documents import load, read
    from exchange_node.trust.manifest import MANIFEST_TYPE, Manifest
    from exchange_node.trust.signing import Envelope

    value = load(data)
    if isinstance(value, dict) and "payloadType" not in value:
        return Envelope(MANIFEST_TYPE, read(Manifest, data).encode())
    return Envelope.parse(data)


@app.command(
    epilog=examples(
        "exchange manifest verify manifest.json --root root.json",
        "exchange manifest verify next.json --root root.json --previous manifest.json",
    )
)
def verify(
    file: Path,
    root: Annotated[Path, typer.Option(help="The federation's root.json.")],
    previous: Annotated[Path | None, typer.Option(help="The manifest that it must continue.")] = None,
    as_json: Json = False,
) -> None:
    """Check a manifest as a node would: signatures, number, dates."""
    from exchange_node.trust.documents import read
    from exchange_node.trust.manifest import RootDocument
    from exchange_node.trust.trusted_manifest import TrustedManifest

    trusted = TrustedManifest.start(read(RootDocument, read_file(root)))
    bridge = [read_file(previous)] if previous else []
    manifest = trusted.update(read_file(file), int(time.time()), bridge=bridge)
    _show_manifest(manifest, trusted.digest, as_json)


@app.command("show", epilog=examples("exchange manifest show", "exchange manifest show manifest.json"))
def show_(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A file; else the manifest that the node trusts.")] = None,
    as_json: Json = False,
) -> None:
    """Print a manifest. Of a file, nothing is verified: use `verify` for that."""
    from exchange_node.trust.documents import digest, read
    from exchange_node.trust.manifest import Manifest

    if file is not None:
        payload = _envelope(read_file(file)).payload
        _show_manifest(read(Manifest, payload), digest(payload), as_json)
        return
    answer = call(ctx, "ShowManifest")
    show(answer, as_json, lambda: _draw(answer["text"], answer["digest"]))


@app.command(epilog=examples("exchange manifest accept manifest.json"))
def accept(ctx: typer.Context, file: Path, as_json: Json = False) -> None:
    """Give a manifest to the node: through the running node, or into the home while it does not serve."""
    envelope = read_file(file)
    here = session(ctx)
    if here.serving or not here.home.config_file.exists():
        answer = call(ctx, "AcceptManifest", {"envelope": envelope.decode("utf-8", "replace")})
    else:
        answer = _accept_offline(ctx, envelope)
    show(answer, as_json, lambda: say(f"Manifest {answer['number']} is in force until {answer['expires_at']}."))


def _accept_offline(ctx: typer.Context, envelope: bytes) -> dict[str, Any]:
    from exchange_node.federation import Federation, manifest_entry
    from exchange_node.opening import open_log
    from exchange_node.store.store import Store
    from exchange_node.trust.documents import format_time, read
    from exchange_node.trust.errors import TrustError
    from exchange_node.trust.keys import HomeKeys
    from exchange_node.trust.manifest import RootDocument

    home = session(ctx).home
    config = home.load()
    if not home.root_file.exists():
        raise ConfigError("no-root", str(home.root_file))
    home.database.parent.mkdir(mode=0o700, exist_ok=True)
    with Store.open(config.store.url or f"sqlite:///{home.database}") as store:
        federation, now = Federation(read(RootDocument, read_file(home.root_file)), store), int(time.time())
        log = open_log(home, config.node.organisation, HomeKeys.open(home.path), store, federation, now)
        try:
            manifest = federation.accept(envelope, now)
            log.append([manifest_entry(envelope, now, manifest)])
        except TrustError as error:
            log.append([manifest_entry(envelope, now, error)])
            raise
        finally:
            log.close()
        return {
            "federation": manifest.federation, "number": manifest.number, "digest": federation.digest.hex(),
            "expires_at": format_time(manifest.expires_at), "members": [org.id for org in manifest.organisations],
        }  # fmt: skip


def _show_manifest(manifest: Any, digest: str, as_json: bool) -> None:
    text = manifest.model_dump(exclude_none=True)
    show({"digest": digest, "manifest": text}, as_json, lambda: _draw(text, digest))


def _draw(text: dict[str, Any], digest: str) -> None:
    say(f"Manifest {text['number']} of {text['federation']}, {text['issued_at']} to {text['expires_at']}")
    say(f"SHA-256 {digest}; {text['roots']['threshold']} of {len(text['roots']['keys'])} roots must sign")
    rows = [
        (o["id"], o["type"], ", ".join(o["roles"]), o["operator"], o["address"], o.get("status", "active"))
        for o in text["organisations"]
    ]
    table(("Member", "Type", "Role", "Operator", "Address", "Status"), rows)
    _say_bundles(text["policy_bundles"])


def _say_bundles(bundles: Sequence[dict[str, Any]]) -> None:
    for bundle in bundles:
        say(f"Policy {bundle['digest'][:16]}" + (f", until {bundle['until']}" if bundle.get("until") else ""))
