"""Makes the embedded corpus: `python corpus/make.py`, or with another size, seed and path.

The package holds what this writes with its defaults, tftransformer/data/everyday.tsv.xz. The
grammar is in corpus/everyday; after a change of it run this, and commit what it writes.
"""

import argparse
import lzma
from pathlib import Path

from everyday import drawn_corpus

PATH = Path(__file__).parents[1] / "tftransformer" / "data" / "everyday.tsv.xz"
COLUMNS = ("split", "en", "de", "tense", "kind")


def table(size: int = 20_000, seed: int = 0) -> str:
    """Returns a corpus as tab-separated lines under a line of names; no text needs quotes."""
    lines = [COLUMNS]
    for split, rows in drawn_corpus(size, seed).items():
        lines += [(split, row.english, row.german, row.tense, row.kind) for row in rows]
    return "".join("\t".join(line) + "\n" for line in lines)


def main() -> None:
    """Reads the command line and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=20_000, help="training rows")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of sentences")
    parser.add_argument("--path", type=Path, default=PATH, help="where to")
    given = parser.parse_args()
    content = table(given.size, given.seed).encode()
    given.path.write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    main()
