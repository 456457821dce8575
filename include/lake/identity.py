"""The identity of a lake: a random name, created with the lake and stored in its folder and in its catalog namespace.

Lakes may share a catalog but not a namespace, as a night of one lake would replace the other's. The namespace therefore
names its lake from the statement that creates it; the file `lake.id` in the lake's folder holds the same identity.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pyiceberg.exceptions import NamespaceAlreadyExistsError
from upath import UPath

from include.errors import IntegrityError, SettingsError
from include.lake.location import LakeLocation
from include.paths import is_object, path_of
from include.places import require_lake
from include.settings import Settings
from include.whole_file import read_whole, write_whole

if TYPE_CHECKING:
    from include.lake.glue_catalog import GlueLakeCatalog
    from include.lake.sql_catalog import SqlLakeCatalog
    from include.security.anchors import Anchors

ID_FILE = "lake.id"
_LAKE, _WAREHOUSE = "ads.lake", "ads.warehouse"
_ID = re.compile(r"[0-9a-f]{32}")
_LONGEST_ID_FILE = 64


@dataclass(frozen=True)
class _Claim:
    """The properties by which a namespace names its lake."""

    lake: str
    warehouse: str


def identity_of(lake_uri: str, settings: Settings) -> str:
    """The identity of a lake, which is created where there is none.

    Raises
    ------
    IntegrityError
        When the folder was emptied or replaced by another lake's, or its `lake.id` is damaged.
    SettingsError
        When the catalog's namespace belongs to another lake.
    """
    from include.lake.lake import Lake

    location = LakeLocation.of(lake_uri, settings.catalog_uri, settings.namespace)
    lake = read_id(location) or Lake.open(lake_uri, settings).identity
    _place(lake, location, settings)
    return lake


def require_made_lake(lake_uri: str) -> None:
    """See that there is a lake at an address; make none, and leave the folder as it is.

    Raises
    ------
    SettingsError
        When there is none.
    """
    require_lake(lake_uri)
    if not (path_of(lake_uri) / ID_FILE).exists():
        raise SettingsError(
            f"there is no lake at {lake_uri}, as it has no {ID_FILE}: give the address of a lake that nights were "
            "published into (--lake or ADS_LAKE_URI), or restore a folder that was emptied from its backup",
            setting="lake_uri",
        )


def read_id(location: LakeLocation) -> str | None:
    """The identity in a lake's folder; None where there is none yet.

    Raises
    ------
    IntegrityError
        When the file does not hold an identity.
    """
    path = path_of(location.warehouse) / ID_FILE
    found = _beginning(path)
    if found is None:
        return None
    if not _ID.fullmatch(found):
        raise IntegrityError(
            f"{path} does not hold a lake's identity (32 hex digits): restore it, or remove it and open the lake "
            "again, which takes the identity from its catalog",
            place=str(path),
        )
    return found


def _beginning(path: UPath) -> str | None:
    """The beginning of a file, empty where something else has its name; None where there is nothing."""
    if is_object(path):
        whole = read_whole(path, _LONGEST_ID_FILE)
        return None if whole is None else _as_text(whole.content[:_LONGEST_ID_FILE])
    if not path.is_file():
        return "" if path.exists() else None
    with path.open("rb") as file:
        return _as_text(file.read(_LONGEST_ID_FILE))


def _as_text(content: bytes) -> str:
    return content.decode("ascii", errors="replace").strip()


def claim_namespace(catalog: SqlLakeCatalog | GlueLakeCatalog, location: LakeLocation, settings: Settings) -> str:
    """Claim the catalog's namespace for this lake where no lake has it yet, and return the lake's identity.

    When two new lakes claim one namespace at once, the database lets only one of them write it.

    Raises
    ------
    IntegrityError
        When another lake was last seen in this folder, or when this lake was and nothing of it is left.
    SettingsError
        When the namespace belongs to another lake.
    """
    own = read_id(location)
    found = _claim_of(catalog, location.namespace)
    if found is None:
        candidate = own or _known_before(catalog, location, settings) or catalog.new_identity(location.namespace)
        _write_claim(catalog, location, _Claim(candidate, location.warehouse))
        found = _claim_of(catalog, location.namespace) or _Claim(candidate, location.warehouse)
    if not _is_own(found, own, location):
        raise _refusal(location, found.warehouse)
    if own is None:
        _place(found.lake, location, settings)
        write_whole(path_of(location.warehouse) / ID_FILE, f"{found.lake}\n".encode())
    return found.lake


def _is_own(found: _Claim, own: str | None, location: LakeLocation) -> bool:
    """Whether a claim is this lake's own.

    A catalog in the lake's folder moves with it; a catalog elsewhere records where its lake lies.
    """
    return own in (None, found.lake) and (
        location.has_own_catalog or is_same_place(found.warehouse, location.warehouse)
    )


def _claim_of(catalog: SqlLakeCatalog | GlueLakeCatalog, namespace: str) -> _Claim | None:
    if not catalog.namespace_exists(namespace):
        return None
    says = catalog.load_namespace_properties(namespace)
    return _Claim(says[_LAKE], says.get(_WAREHOUSE, "")) if _LAKE in says else None


def _write_claim(catalog: SqlLakeCatalog | GlueLakeCatalog, location: LakeLocation, claim: _Claim) -> None:
    """Write both properties at once; of two lakes that do so, the catalog lets only one."""
    properties = {_LAKE: claim.lake, _WAREHOUSE: claim.warehouse}
    try:
        catalog.create_namespace(location.namespace, properties)
    except NamespaceAlreadyExistsError:
        # The lake is older than identities, or somebody made the database beforehand, or another lake was faster.
        _check_tables_lie_here(catalog, location)
        if location.is_glue and not _is_meant_for(catalog, location):
            return
        catalog.claim_existing(location.namespace, properties)


def _is_meant_for(catalog: SqlLakeCatalog | GlueLakeCatalog, location: LakeLocation) -> bool:
    """Whether a database in Glue has no lake yet and lies at this one's address.

    Glue has no condition by which of two lakes that write into an existing database only one could win. So the database
    itself must say which lake it is for.

    Raises
    ------
    SettingsError
        When it has no lake and does not say which one it is for.
    """
    says = catalog.load_namespace_properties(location.namespace)
    if _LAKE in says:
        return False
    if is_same_place(says.get("location", ""), location.warehouse):
        return True
    raise SettingsError(
        f"the database {location.namespace} is in Glue already and names no lake (its location is "
        f"{says.get('location') or 'empty'}): nothing was read or written. Where it was made for this lake, set its "
        f"location to {location.warehouse}, or remove it, so that the lake makes it; else set ADS_NAMESPACE to another "
        "name",
        setting="namespace",
        place=location.warehouse,
    )


def _check_tables_lie_here(catalog: SqlLakeCatalog | GlueLakeCatalog, location: LakeLocation) -> None:
    """Raise unless the tables lie in this lake's folder.

    Where older lakes shared a namespace by mistake, it belongs to the one whose folder holds the tables.
    """
    if location.has_own_catalog:
        return
    for identifier in catalog.list_tables(location.namespace)[:1]:
        table = catalog.load_table(identifier).location()
        warehouse = table.removesuffix(f"/{location.namespace}/{identifier[-1]}")
        if not is_same_place(warehouse, location.warehouse):
            raise _refusal(location, warehouse)


def _known_before(catalog: SqlLakeCatalog | GlueLakeCatalog, location: LakeLocation, settings: Settings) -> str | None:
    """The identity that a lake in this folder had, in case its file was removed; None where none was ever seen.

    A lake in an emptied folder does not start again by itself: under a new identity nobody would notice that its
    champion is missing.
    """
    from include.security.anchors import Anchors

    anchors = Anchors.open(settings)
    known = anchors.lake_at(location.warehouse)
    if known is None or _has_content(catalog, location):
        return known
    # A lake that another process is creating at this moment is recorded only after its namespace was claimed.
    if _claim_of(catalog, location.namespace) is None:
        raise _not_as_it_was(location, known, "nothing of it is there now", anchors)
    return known


def _has_content(catalog: SqlLakeCatalog | GlueLakeCatalog, location: LakeLocation) -> bool:
    models = path_of(location.warehouse) / "models"
    has_models = models.exists() and any(True for _ in models.iterdir())
    return has_models or (
        catalog.namespace_exists(location.namespace) and bool(catalog.list_tables(location.namespace))
    )


def _place(lake: str, location: LakeLocation, settings: Settings) -> None:
    """Record that the lake lies here; the record of another lake that was seen here before is kept."""
    from include.security.anchors import Anchors

    anchors = Anchors.open(settings)
    known = anchors.place(location.warehouse, lake)
    if known != lake:
        raise _not_as_it_was(location, known, f"its {ID_FILE} or its catalog now says {lake}", anchors)


def _not_as_it_was(location: LakeLocation, known: str, found: str, anchors: Anchors) -> IntegrityError:
    return IntegrityError(
        f"at {location.warehouse} lay the lake {known}, and {found}: its files were removed, or files of another lake "
        f"were put in its place. Restore them; or, where it was removed or replaced on purpose, remove "
        f"{anchors.place_file(location.warehouse)}",
        place=location.warehouse,
    )


def is_same_place(one: str, other: str) -> bool:
    """Whether two warehouses are the same place, whatever links and mounts lead to it."""
    if _place_name(one) == _place_name(other):
        return True
    paths = Path(_place_name(one)), Path(_place_name(other))
    return all(path.is_absolute() and path.exists() for path in paths) and paths[0].samefile(paths[1])


def _place_name(warehouse: str) -> str:
    """The name of a warehouse's place: a folder's path, or bucket and prefix whichever way S3 is spelled."""
    split = urlsplit(warehouse)
    if split.scheme.startswith("s3"):
        return f"s3://{split.netloc}{split.path}".rstrip("/")
    return warehouse.removeprefix("file://").rstrip("/")


def _refusal(location: LakeLocation, warehouse: str) -> SettingsError:
    return SettingsError(
        f"the namespace {location.namespace!r} of this catalog belongs to the lake at {warehouse}, and this lake lies "
        f"at {location.warehouse}: nothing was read or written. Lakes may share a catalog, each in a namespace of its "
        f"own: set ADS_NAMESPACE to another name for this one, for instance {location.namespace}_2",
        setting="namespace",
        place=location.warehouse,
    )
