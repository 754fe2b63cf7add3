"""The command line as a person at a shell calls it, and pairs of texts for it."""

import os
import subprocess
import sys

NUMBERS = {"one": "eins", "two": "zwei", "three": "drei", "four": "vier", "five": "fünf"}
PAIRS = [
    (f"{a} and {b}", f"{NUMBERS[a]} und {NUMBERS[b]}") for a in NUMBERS for b in NUMBERS if a != b
]


def run(*words, text="", check=True, cwd=None):
    """Runs a command in a process of its own: its status, its output and its errors."""
    process = subprocess.run(
        [sys.executable, "-m", "tftransformer", *map(str, words)],
        input=text if isinstance(text, bytes) else text.encode(),
        capture_output=True,
        cwd=cwd,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    out, err = process.stdout.decode(), process.stderr.decode()
    assert not check or process.returncode == 0, err
    return process.returncode, out, err
