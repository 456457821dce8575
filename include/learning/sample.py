"""Rows of a model's past that are sealed with it: ordinary ones, and planted ones with their kind and strength."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.errors import IntegrityError
from include.models.base import Matrix
from include.models.model import Model
from include.models.threshold import Days
from include.registry import ModelRegistry

# Column names that no feature has.
_NIGHT, _KIND, _STRENGTH = "settlement date", "planted kind", "planted strength"


@dataclass(frozen=True)
class Sample:
    """Raw rows in the order of a model's `features`.

    Attributes
    ----------
    ordinary, planted
        Raw ordinary and planted rows, shape (n_rows, n_features), NaN where missing.
    nights
        Night of each ordinary row.
    kinds, strengths
        Kind and strength of each planted row.
    """

    ordinary: Matrix
    planted: Matrix
    nights: Days
    kinds: tuple[str, ...]
    strengths: tuple[str, ...]

    def to_bytes(self, features: tuple[str, ...]) -> bytes:
        """The rows as a Parquet file; planted rows carry their kind and strength."""
        values = np.vstack([self.ordinary, self.planted])
        columns = {name: pa.array(values[:, place]) for place, name in enumerate(features)}
        ordinary, planted = [None] * len(self.ordinary), [None] * len(self.planted)
        labels = {
            _NIGHT: pa.array([*self.nights.tolist(), *planted], pa.date32()),
            _KIND: pa.array([*ordinary, *self.kinds], pa.string()),
            _STRENGTH: pa.array([*ordinary, *self.strengths], pa.string()),
        }
        sink = io.BytesIO()
        pq.write_table(pa.table({**columns, **labels}), sink)
        return sink.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, features: tuple[str, ...]) -> Self:
        """Read the sample that `to_bytes` wrote."""
        rows = pq.read_table(io.BytesIO(content))
        is_planted = pc.is_valid(rows[_KIND])
        planted, ordinary = rows.filter(is_planted), rows.filter(pc.invert(is_planted))
        return cls(
            ordinary=_matrix(ordinary, features),
            planted=_matrix(planted, features),
            nights=np.asarray(ordinary[_NIGHT].to_numpy(), dtype="datetime64[D]"),
            kinds=tuple(planted[_KIND].to_pylist()),
            strengths=tuple(planted[_STRENGTH].to_pylist()),
        )

    @classmethod
    def kept(cls, registry: ModelRegistry, model: Model, part: str) -> Self | None:
        """The sample stored with an approved model under a part's name; None where the model has none.

        Raises
        ------
        IntegrityError
            When its bytes do not verify, or are not what `to_bytes` writes.
        """
        content = registry.kept(model.version, part)
        if content is None:
            return None
        try:
            return cls.from_bytes(content, model.features)
        except (KeyError, ValueError, pa.ArrowException) as error:
            raise IntegrityError(
                f"the {part} set of model {model.version} verifies, but is not what this registry writes "
                f"({type(error).__name__}): restore it or train again"
            ) from error


def nights_of(features: pa.Table) -> Days:
    """The night of each row."""
    return np.asarray(features["settlement_date"].to_numpy(), dtype="datetime64[D]")


def _matrix(rows: pa.Table, features: tuple[str, ...]) -> Matrix:
    columns = [rows[name].to_numpy() for name in features]
    return np.column_stack(columns).reshape(rows.num_rows, len(features))
