"""A disk that fills up while a night is written changes nothing for readers."""

import subprocess
import sys
from pathlib import Path

from tests.lake.nights import night_number, open_lake, publish_night, seen, stamp_of, whole

# The largest file a process may write stands for the room left; what is refused answers "file too large".
SCRIPT = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from tests.lake.nights import night_number, open_lake, publish_night, stamp_of
from include.errors import PublishError
lake = open_lake(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    publish_night(lake, stamp_of("b", night_number(0)))
except PublishError as error:
    print(error)
"""


def publish_with_room(folder, room):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", SCRIPT, str(root), str(folder), str(room)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr[-2000:]
    return answer.stdout


def test_a_full_disk(tmp_path):
    lake, night = open_lake(tmp_path), night_number(0)
    publish_night(lake, stamp_of("a", night))
    # No room for a byte of the data file, for all of it, for its manifest, for the page of the catalog.
    for room in (0, 1500, 4400, 6000):
        said = publish_with_room(tmp_path, room)
        assert "could not take the night 2020-01-01" in said, (room, said)
        assert "Nothing changed for readers" in said
        assert "see that the disk under the lake and its catalog has room" in said
        assert seen(open_lake(tmp_path), night) == whole("a")
    publish_night(open_lake(tmp_path), stamp_of("b", night))
    assert seen(lake, night) == whole("b")
    assert lake.stray(night).num_rows == 0
