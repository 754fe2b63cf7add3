"""How long a task takes until its first answer and for its export: seconds of processors.

    python benchmarks/first_answers.py

Small models, trained for one epoch on a few rows: what is measured is the making of graphs.
"""

import argparse
import resource
import tempfile
import warnings
from collections.abc import Callable

from timing import print_table

import tftransformer as tt

SIZES = {"num_layers": 4, "d_model": 32, "num_heads": 2}
COLUMNS = {"text": "en"}


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    warnings.simplefilter("ignore")
    frame = tt.everyday_corpus(size=300).train
    tasks = {
        "classify": (tt.TextClassifier(SIZES, vocab_size=400), COLUMNS | {"label": "tense"}),
        "generate": (tt.TextGenerator(SIZES, vocab_size=400, max_length=64), COLUMNS),
        "translate": (tt.Translator({}, vocab_size=600), {"source": "en", "target": "de"}),
    }
    rows = []
    for name, (task, columns) in tasks.items():
        task.fit(frame, **columns, epochs=1, validation=0, verbose=0)
        with tempfile.TemporaryDirectory() as folder:
            answer = seconds_of(lambda task=task: task("The dog sleeps."))
            export = seconds_of(lambda task=task, folder=folder: task.export(f"{folder}/saved"))
        rows.append((name, f"{answer:.2f}", f"{export:.2f}"))
    print_table(("task", "first answer, s", "export, s"), rows)


def seconds_of(call: Callable[[], object]) -> float:
    """Seconds that processors spend on a call."""
    before = spent()
    call()
    return spent() - before


def spent() -> float:
    """Seconds that processors have spent on this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
