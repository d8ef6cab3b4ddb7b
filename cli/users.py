"""`exchange user`: who of the agency may use the node. A user's private key is made here and stays here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .errors import CliError
from .output import Json, examples, number, say, show, table
from .session import call, session, write_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

app = typer.Typer(help="Let the agency's people in, or shut them out.", no_args_is_help=True, rich_markup_mode=None)


def new_key() -> tuple[EllipticCurvePrivateKey, bytes]:
    """A P-256 key and its PEM, a secret."""
    from exchange_node.trust import certificates

    key = certificates.generate_key()
    return key, certificates.key_to_pem(key)


def public_pem(key: EllipticCurvePrivateKey) -> bytes:
    """The public half in PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@app.command(
    epilog=examples(
        "exchange user add ann --role analyst",
        "exchange user add ann --role analyst --out ./ann    # a folder to carry to Ann's own machine",
        "exchange --home ./ann request list                  # how Ann then uses it",
    )
)
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A login of small letters, digits and -, not a person's full name.")],
    role: Annotated[str, typer.Option(help="analyst (asks), officer (governs) or administrator (runs the node).")],
    out: Annotated[Path | None, typer.Option(help="Make a folder with everything that the user needs.")] = None,
    days: Annotated[int, typer.Option(help="How long the certificate counts, at most 397.")] = 365,
    as_json: Json = False,
) -> None:
    """Issue a certificate, into the home's users folder or a folder of its own."""
    users = out or session(ctx).home.users
    stem = "user" if out else name
    for path in (users / f"{stem}.key", users / "client.toml"):
        if path.exists():
            raise CliError("file-exists", str(path))
    key, secret = new_key()
    body = {"name": name, "role": role, "public_key": public_pem(key).decode(), "days": days}
    with _folder(users), _kept(users / f"{stem}.key", secret):
        answer = call(ctx, "AddUser", body)
        write_file(users / f"{stem}.pem", answer["certificate"].encode(), overwrite=True)
        if out:
            told = {"organisation": answer["organisation"], "address": answer["address"], "user": name}
            write_file(out / "node.pem", answer["node_certificate"].encode(), overwrite=True)
            write_file(out / "client.toml", "".join(f'{field} = "{value}"\n' for field, value in told.items()).encode())
    document = {"user": answer["user"], "folder": str(users)}
    home = f"--home {out}" if out else f"--home {session(ctx).home.path} --user {name}"
    show(document, as_json, lambda: _draw_add(document, name, home))


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """The folder; one that had to be made goes again if nothing comes of it."""
    new = not folder.exists()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CliError("cannot-write", f"{folder}: {error.strerror}") from None
    try:
        yield
    except BaseException:
        if new:
            shutil.rmtree(folder)
        raise


@contextmanager
def _kept(path: Path, secret: bytes) -> Iterator[None]:
    """The key is on the disk before a certificate for it is issued: one whose key is lost would be of use to nobody."""
    write_file(path, secret, secret=True)
    try:
        yield
    except BaseException:
        path.unlink()
        raise


def _draw_add(document: dict[str, object], name: str, options: str) -> None:
    say(f"{name} may now use the node; key and certificate are in {document['folder']}.")
    say(f"Try it: exchange {options} request list")


@app.command(epilog=examples("exchange user revoke ann"))
def revoke(ctx: typer.Context, name: str, as_json: Json = False) -> None:
    """Shut a login out, at once and with every certificate it has."""
    answer = call(ctx, "RevokeUser", {"name": name})
    show(answer, as_json, lambda: say(f"{name}: {number(answer['revoked'], 'certificate')} revoked."))


@app.command("list", epilog=examples("exchange user list"))
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """Every certificate that was issued."""
    answer = call(ctx, "ListUsers")
    rows = [
        (u["name"], u["role"], u["not_after"], u["revoked_at"] or "", u["fingerprint"][:16]) for u in answer["users"]
    ]
    show(answer, as_json, lambda: table(("Login", "Role", "Until", "Revoked", "Certificate"), rows))
