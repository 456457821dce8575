"""A rotation of the pseudonyms' key beside an erasure does not bring the client back."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from include.night import rotation, verify
from include.night.rotation import rotate_pseudonyms
from include.privacy import erase
from include.settings import Settings
from tests.privacy.lakes import CLIENT, TODAY, traces, uri_of


@pytest.mark.long
def test_what_a_rotation_has_read_before_an_erasure_does_not_come_back(
    lake: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    eraser = threading.Thread(target=partial(erase, uri_of(lake), CLIENT, settings, TODAY, said.append))
    write_masked = rotation.write_masked

    def overtaken(*rows: Any) -> None:
        if eraser.ident is None:
            eraser.start()
            while eraser.is_alive() and not said:
                time.sleep(0.05)
        write_masked(*rows)

    monkeypatch.setattr(rotation, "write_masked", overtaken)
    rotate_pseudonyms(uri_of(lake), settings)
    eraser.join()
    assert traces(lake) == []
    assert "the erasure waits until it is through" in said[0]
    assert verify(uri_of(lake))["nights"] == 2
