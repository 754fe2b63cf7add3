"""What the command line answers at once, in processes of its own."""

import subprocess
import sys

import pytest

import tftransformer


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--help"], 0, "evaluate"),
        (["train", "--help"], 0, "--train FILE"),
        (["predict", "--help"], 0, "--table FILE"),
        (["--version"], 0, tftransformer.__version__),
        ([], 2, "the following arguments are required: COMMAND"),
        (["trian"], 2, "invalid choice: 'trian'"),
        (["train", "--task", "clasify"], 2, "invalid choice: 'clasify'"),
        (["train", "--batch-size", "8"], 2, "required: --train, --model"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_help_and_what_is_wrong_without_a_task_are_told_without_keras(words, status, said):
    process = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tftransformer", *words],
        capture_output=True,
        text=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in process.stderr.splitlines()}
    assert process.returncode == status
    assert said in process.stdout + process.stderr
    assert "tftransformer.cli.main" in imported
    assert imported.isdisjoint({"keras", "tensorflow", "pandas", "numpy"})
