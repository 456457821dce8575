"""Models count as having learned from a client by the days that their training and refreshes reach."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from include.privacy import learned
from include.privacy.learned import learned_from
from include.settings import Settings

DAYS = (date(1994, 1, 3), date(1994, 3, 1))


@dataclass
class _Registry:
    """A registry of versions by the days that they were trained on."""

    spans: dict[str, tuple[date, date]]
    updates: dict[str, list[SimpleNamespace]] = field(default_factory=dict)

    def versions(self) -> tuple[str, ...]:
        return tuple(self.spans)

    def champion(self) -> str | None:
        return next(iter(self.spans), None)

    def training_span(self, version: str) -> tuple[date, date]:
        return self.spans[version]


@contextmanager
def _holding(registry: _Registry) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learned.ModelRegistry, "open", lambda *_: registry)
        patch.setattr(
            learned.UpdateLog, "read", lambda _, version: SimpleNamespace(updates=registry.updates.get(version, []))
        )
        yield


@pytest.mark.parametrize(
    ("span", "is_learned"),
    [
        ((date(1993, 1, 1), date(1994, 1, 2)), False),
        ((date(1993, 1, 1), date(1994, 1, 3)), True),
        ((date(1994, 3, 1), date(1995, 1, 1)), True),
        ((date(1994, 3, 2), date(1995, 1, 1)), False),
    ],
)
def test_a_training_that_reaches_the_postings_counts(
    tmp_path: Path, span: tuple[date, date], *, is_learned: bool
) -> None:
    (tmp_path / "models").mkdir()
    with _holding(_Registry({"a": span})):
        found = learned_from(str(tmp_path), DAYS, Settings())
    assert [model.version for model in found] == (["a"] if is_learned else [])


@pytest.mark.parametrize(
    ("night", "in_force", "is_learned"),
    [(date(1994, 1, 2), True, False), (date(1994, 1, 3), True, True), (date(1994, 2, 1), False, False)],
)
def test_a_refresh_in_force_counts(tmp_path: Path, night: date, *, in_force: bool, is_learned: bool) -> None:
    (tmp_path / "models").mkdir()
    before = (date(1992, 1, 1), date(1993, 1, 1))
    update = SimpleNamespace(night=night, is_in_force=in_force)
    with _holding(_Registry({"a": before}, {"a": [update]})):
        found = learned_from(str(tmp_path), DAYS, Settings())
    assert [model.is_refreshed for model in found] == ([True] if is_learned else [])


def test_a_lake_without_models_is_not_touched(tmp_path: Path) -> None:
    assert learned_from(str(tmp_path), DAYS, Settings()) == []
    assert list(tmp_path.iterdir()) == []
