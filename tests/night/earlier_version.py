"""Run on the code of an earlier version: leaves a small bank, and a lake with two champions in turn and a night.

Gets its folder as the only argument; the version's own code is what `include` finds.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from include.sources.bank import generate_bank

from include.night import NightRequest, run_night, train_champion
from include.scoring import Recipe

FIRST, LAST = date(2022, 10, 1), date(2023, 5, 10)
NIGHT = "2023-05-08"
SMALL = Recipe(
    detectors=("rarity", "contrast"),
    ensembles=({"contrast": 2, "rarity": 1},),
    rounds=1,
    settings={"contrast": {"trees": 10, "bins": 16}},
)


def main(folder: Path) -> None:
    """Leave `bank` and `lake` in the folder."""
    Recipe.of = classmethod(lambda cls, training: SMALL)
    generate_bank(folder / "bank", 100, FIRST, LAST, 7)
    source, lake = (f"file:{folder / name}" for name in ("bank", "lake"))
    for before in ("2023-05-01", NIGHT):
        train_champion(source, lake, date.fromisoformat(before))
    run_night(NightRequest.of(NIGHT, source, lake))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
