"""How fast this checkout is beside another one, by a benchmark that both have.

    git worktree add ../before COMMIT
    python benchmarks/revisions.py ../before training.py --contenders trainer:float32 --rounds 2

Runs the script of both in turns, each from its own checkout, and compares the first number of each
row of their tables: the higher, the faster.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

from timing import print_table

HERE = Path(__file__).parent.parent
ROW = re.compile(r"(\S.*?)\s{2,}([\d,]+(?:\.\d+)?)(?:\s|$)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=3, help="runs of each")
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("benchmark", help="a script that both have, such as training.py")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the script is told")
    options = parser.parse_args()

    checkouts = {"this": HERE, "other": options.other.resolve()}
    found: dict[str, dict[str, list[float]]] = {name: {} for name in checkouts}
    for turn in range(options.turns):
        for name, folder in checkouts.items():
            for row, number in measured(folder, options.benchmark, options.arguments).items():
                found[name].setdefault(row, []).append(number)
            print(f"turn {turn + 1} of {options.turns}: {name} is done", flush=True)
    rows = []
    for row in found["this"].keys() & found["other"].keys():
        ours, theirs = found["this"][row], found["other"][row]
        ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
        medians = [statistics.median(numbers) for numbers in (ours, theirs)]
        shown = [f"{number:,.1f}" for number in medians]
        rows.append([row, *shown, f"{medians[0] / medians[1]:.2f}"])
        rows[-1].append(f"{min(ratios):.2f} – {max(ratios):.2f}")
    print_table([options.benchmark, "this", "other", "ratio", "of single turns"], sorted(rows))


def measured(checkout: Path, benchmark: str, arguments: list[str]) -> dict[str, float]:
    """The first number of each row of the table that a benchmark prints."""
    run = subprocess.run(
        [sys.executable, str(checkout / "benchmarks" / benchmark), *arguments],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        cwd=checkout,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    table = run.stdout.rpartition("\n\n")[2]
    matches = (ROW.match(line) for line in table.splitlines()[1:])
    return {match[1]: float(match[2].replace(",", "")) for match in matches if match}


if __name__ == "__main__":
    main()
