"""Starts the fault proxy in the stand-ins' own environment, mended so that an answer keeps the length it tells."""

# Neither package is in the project's environment.
import microburst.forward  # type: ignore[import-not-found]
from microburst.cli import main  # type: ignore[import-not-found]

# It drops `Content-Length` from every answer, and a HEAD request asks for nothing else: objects would look empty.
microburst.forward.HOP_BY_HOP -= {"content-length"}

main()
