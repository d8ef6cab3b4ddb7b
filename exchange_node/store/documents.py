"""Signed documents: federation manifests and agreements.

Nothing here checks a signature; that comes before.
"""

from __future__ import annotations

from sqlalchemy import Select, select, update

from exchange_node.store import tables
from exchange_node.store.engine import Database, as_row, once
from exchange_node.store.model import AgreementDocument, ManifestDocument


class Documents:
    """Every manifest and agreement that was accepted, with its envelope. Nothing is ever removed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_manifest(self, number: int, digest: str, envelope: bytes, at: int) -> None:
        """Record a manifest; the same digest again replaces the envelope, which may carry more signatures.

        Raises StoreError `conflict` if the number stands for another digest: somebody equivocates.
        """
        row = as_row(ManifestDocument(number, digest, envelope, at))
        with self._database.write("documents.put-manifest") as connection:
            if not once(connection, tables.manifests, row, same=("digest",)):
                same = tables.manifests.c.number == number
                connection.execute(update(tables.manifests).where(same).values(envelope=envelope))

    def latest_manifest(self) -> ManifestDocument | None:
        """The manifest with the highest number, or None."""
        return self._manifest(select(tables.manifests).order_by(tables.manifests.c.number.desc()).limit(1))

    def manifest(self, digest: str) -> ManifestDocument | None:
        """A manifest by its digest, or None."""
        return self._manifest(select(tables.manifests).where(tables.manifests.c.digest == digest))

    def put_agreement(self, id: str, version: int, digest: str, envelope: bytes, at: int) -> None:
        """Record an agreement; the same digest again replaces the envelope, which gathers signatures.

        Raises StoreError `conflict` if this version stands for another digest.
        """
        row = as_row(AgreementDocument(id, version, digest, envelope, at))
        table = tables.agreements
        with self._database.write("documents.put-agreement") as connection:
            if not once(connection, table, row, same=("digest",)):
                same = (table.c.id == id) & (table.c.version == version)
                connection.execute(update(table).where(same).values(envelope=envelope))

    def agreement(self, id: str) -> AgreementDocument | None:
        """The latest version of an agreement, or None."""
        newest = tables.agreements.c.version.desc()
        found = self._agreements(
            select(tables.agreements).where(tables.agreements.c.id == id).order_by(newest).limit(1)
        )
        return found[0] if found else None

    def agreement_by_digest(self, digest: str) -> AgreementDocument | None:
        """One version of an agreement, or None."""
        found = self._agreements(select(tables.agreements).where(tables.agreements.c.digest == digest))
        return found[0] if found else None

    def agreements(self) -> list[AgreementDocument]:
        """Every version of every agreement, by id and version."""
        return self._agreements(select(tables.agreements).order_by(tables.agreements.c.id, tables.agreements.c.version))

    def _manifest(self, query: Select[tuple[object, ...]]) -> ManifestDocument | None:
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else ManifestDocument(**row)

    def _agreements(self, query: Select[tuple[object, ...]]) -> list[AgreementDocument]:
        with self._database.read() as connection:
            return [AgreementDocument(**row) for row in connection.execute(query).mappings()]
