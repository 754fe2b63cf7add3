"""The scripts in examples/ run as they are, and what they write answers."""

import pathlib
import subprocess
import sys

import pandas as pd
import pytest

import tftransformer as tt

FOLDER = pathlib.Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py") if path.name != "shared.py")


def run(name, *options):
    """What a script prints."""
    done = subprocess.run(
        [sys.executable, FOLDER / name, *map(str, options)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("folder", [FOLDER, FOLDER / "pretrain"], ids=lambda folder: folder.name)
def test_scripts_are_named_in_their_readme(folder):
    told = (folder / "README.md").read_text(encoding="utf-8")
    names = {path.name for path in folder.glob("*.py")} - {"shared.py", "language.py"}
    assert [name for name in sorted(names) if f"| `{name}` |" not in told] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_help_shows_how_to_call(name):
    shown = run(name, "--help")
    assert f"python examples/{name}" in shown
    assert "--directory" in shown


@pytest.mark.slow
def test_summarize_takes_a_table_whose_cells_are_lists(tmp_path):
    texts = [["It rained. Ann left.", "Bob met Zoe."], ["It was late.", "Ann met Bob. We left."]]
    rows = {"article": texts * 20, "short": [["Ann left", "Ann had left"], ["Ann met Bob"]] * 20}
    pd.DataFrame(rows).to_parquet(tmp_path / "rows.parquet")
    columns = ("--text", "article", "--summary", "short", "--sentences", 1)
    data = ("--data", tmp_path / "rows.parquet", "--epochs", 2, "--directory", tmp_path)
    shown = run("summarize.py", *data, *columns)
    assert "40 of" not in shown
    assert "lead  rouge1" in shown
    loaded = tt.load(tmp_path / "summarizer")
    assert len(loaded("It rained. Ann left. Bob met Zoe.")["sentences"]) == 1
    assert (tmp_path / "saved_model" / "saved_model.pb").is_file()


@pytest.mark.slow
def test_generate_takes_a_text(tmp_path):
    (tmp_path / "text.txt").write_text("the dog sleeps in the house\na cat eats fish\n" * 60)
    data = ("--data", tmp_path / "text.txt", "--epochs", 1, "--directory", tmp_path)
    shown = run("generate.py", *data, "--prompt", "the dog")
    assert "counting nats" in shown
    assert shown.count("  the dog | ") == 2
    assert tt.load(tmp_path / "generator")("the dog", max_new_tokens=2)["prompt"] == "the dog"
    assert (tmp_path / "saved_model" / "saved_model.pb").is_file()
