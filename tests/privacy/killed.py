"""Erases a client and is killed at one more of its effects each time; started by test_kills as a program of its own."""

import json
import os
import shutil
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from include.night import verify
from include.privacy import erase
from include.registry.erasures import ErasureLog
from include.settings import get_settings
from tests.lake.killing import in_child
from tests.privacy import lakes


def erase_client(folder):
    erase(lakes.uri_of(folder), lakes.CLIENT, lakes.settings_of(folder), lakes.TODAY)


def take_up_again(folder):
    """The same command once more, and what is found afterwards."""
    settings = lakes.settings_of(folder)
    was_begun = ErasureLog.read(lakes.uri_of(folder), settings).unfinished is not None
    told = erase(lakes.uri_of(folder), lakes.CLIENT, settings, lakes.TODAY)
    log = ErasureLog.read(lakes.uri_of(folder), settings)
    return {
        "was_begun": was_begun,
        "is_erased": told["is_erased"],
        "erasures": len(log.erasures),
        "is_finished": log.unfinished is None and log.pending is None,
        "verified": verify(lakes.uri_of(folder))["nights"],
        "traces": lakes.traces(folder),
    }


def main(folder, step):
    """Kill at every `step`th effect, on a lake that is put back each time, and tell what the second run came to."""
    folder, saved = Path(folder), Path(folder).with_name("saved")
    folder.mkdir()
    os.environ["ADS_KEY_FILE"] = str(folder / "keys" / "lake.key")
    get_settings.cache_clear()
    in_child(partial(lakes.build_small, folder))
    shutil.copytree(folder, saved)
    deadly = 1
    while True:
        shutil.rmtree(folder)
        shutil.copytree(saved, folder)
        effects = in_child(partial(erase_client, folder), deadly)
        print(json.dumps([deadly, effects, in_child(partial(take_up_again, folder))]), flush=True)
        if effects is not None:
            return
        deadly += step


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
