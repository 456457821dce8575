"""Manifests: the lists of a table's data files, which a table collects one of with each commit.

A plan reads the list of all manifests and the manifests that may name the nights asked for. The layout of this module
is one manifest for each calendar month of nights, so that a plan reads a line a month and the files of one month.

pyiceberg 0.12 has no action that rewrites manifests, and its merging append packs them by size and in the order of the
commits. Its producer of snapshots is therefore extended here; data files, their sequence numbers and their snapshots
stay what they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyiceberg.manifest import ManifestContent, ManifestEntry, ManifestEntryStatus, ManifestFile
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table import Transaction
from pyiceberg.table.snapshots import Operation, Summary
from pyiceberg.table.update.snapshot import _SnapshotProducer

from include.lake.data_files import night_of

_OWN = "ads."
_TOTALS = "total-"


@dataclass(frozen=True)
class Layout:
    """The manifests of a table as they are to be.

    Attributes
    ----------
    kept
        Manifests that stay as they are.
    rewritten
        Entries of the other manifests, in the groups that become one manifest each.
    spare
        Number of manifests that the layout saves.
    """

    kept: Sequence[ManifestFile]
    rewritten: Sequence[Sequence[ManifestEntry]]
    spare: int


def monthly_layout(table: IcebergTable) -> Layout:
    """The layout of one manifest for each month of nights; a static relation, which has no nights, gets one in all."""
    snapshot = table.current_snapshot()
    manifests = snapshot.manifests(table.io) if snapshot else []
    groups: dict[tuple[int, str], list[tuple[ManifestFile, ManifestEntry]]] = {}
    kept = [manifest for manifest in manifests if manifest.content != ManifestContent.DATA]
    for manifest in manifests:
        for entry in _live(table, manifest):
            groups.setdefault((manifest.partition_spec_id, _month(entry)), []).append((manifest, entry))
    rewritten = []
    for group in groups.values():
        first = group[0][0]
        if _holds_only(first, len(group)) and all(manifest is first for manifest, _ in group):
            kept.append(first)
        else:
            rewritten.append([entry for _, entry in group])
    return Layout(kept, rewritten, len(manifests) - len(kept) - len(rewritten))


def stage_layout(transaction: Transaction, layout: Layout, properties: Mapping[str, str]) -> None:
    """Add a snapshot with the manifests of a layout to a transaction; its data files are those of the snapshot before.

    Parameters
    ----------
    transaction
        Transaction on the table state that the layout was made from.
    properties
        Further properties of the snapshot.
    """
    with _RewrittenManifests(transaction, layout, properties):
        pass


def _live(table: IcebergTable, manifest: ManifestFile) -> list[ManifestEntry]:
    if manifest.content != ManifestContent.DATA or not (manifest.has_added_files() or manifest.has_existing_files()):
        return []
    return manifest.fetch_manifest_entry(table.io)


def _month(entry: ManifestEntry) -> str:
    return night_of(entry.data_file).strftime("%Y-%m") if len(entry.data_file.partition) else ""


def _holds_only(manifest: ManifestFile, entries: int) -> bool:
    """Whether a manifest has that many entries and no others: no removed file, and no other month."""
    return (manifest.added_files_count or 0) + (manifest.existing_files_count or 0) == entries and not (
        manifest.deleted_files_count
    )


class _RewrittenManifests(_SnapshotProducer["_RewrittenManifests"]):
    """A snapshot that holds what the one before holds, in other manifests (Iceberg's operation `replace`)."""

    def __init__(self, transaction: Transaction, layout: Layout, properties: Mapping[str, str]) -> None:
        table = transaction._table
        super().__init__(Operation.REPLACE, transaction, table.io)
        self._layout = layout
        before = table.current_snapshot()
        # A static relation's snapshot says of which night and of what content it is; the new one is of the same.
        said = before.summary.additional_properties if before and before.summary else {}
        self._said = {key: value for key, value in said.items() if key.startswith((_OWN, _TOTALS))}
        self._said.update(properties)

    def _existing_manifests(self) -> list[ManifestFile]:
        return [*self._layout.kept, *map(self._written, self._layout.rewritten)]

    def _written(self, entries: Sequence[ManifestEntry]) -> ManifestFile:
        spec = self.spec(entries[0].data_file.spec_id)
        with self.new_manifest_writer(spec) as writer:
            for entry in entries:
                writer.add_entry(
                    ManifestEntry.from_args(
                        status=ManifestEntryStatus.EXISTING,
                        snapshot_id=entry.snapshot_id,
                        sequence_number=entry.sequence_number,
                        file_sequence_number=entry.file_sequence_number,
                        data_file=entry.data_file,
                    )
                )
        return writer.to_manifest_file()

    def _deleted_entries(self) -> list[ManifestEntry]:
        return []

    def _summary(self, snapshot_properties: dict[str, str] = {}) -> Summary:  # noqa: B006 - as inherited
        return Summary(operation=self._operation, **self._said)
