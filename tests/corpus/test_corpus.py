"""The tool: reproducible, English determines German, honestly divided, and what the package has."""

import lzma
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

import make
from everyday import drawn_corpus
from everyday.corpus import split_of
from everyday.sentences import KINDS, sentence


@pytest.mark.slow
def test_the_package_holds_what_the_tool_makes():
    assert make.table().encode() == lzma.decompress(make.PATH.read_bytes())


@pytest.mark.slow
def test_the_command_writes_a_corpus_of_another_size(tmp_path, monkeypatch):
    path = tmp_path / "small.tsv.xz"
    monkeypatch.setattr(sys, "argv", ["make.py", "--size", "5000", "--path", str(path)])
    make.main()
    names, *lines = lzma.decompress(path.read_bytes()).decode().splitlines()
    assert names.split("\t") == list(make.COLUMNS)
    splits = [line.split("\t")[0] for line in lines]
    assert {split: splits.count(split) for split in splits} == {
        "train": 5000,
        "validation": 500,
        "test": 500,
    }


def test_too_small_a_corpus_is_refused():
    with pytest.raises(ValueError, match="at least 5000 rows"):
        drawn_corpus(size=100)


def test_english_determines_german():
    rng, known = Random(7), {}
    for _ in range(2_000):
        drawn = sentence(rng)
        assert known.setdefault(drawn.english, drawn.german) == drawn.german


@pytest.mark.slow
def test_held_out_clauses_do_not_train():
    """No clause of a test row that is held out is in a training row."""
    parts = {split: [row.keys for row in rows] for split, rows in drawn_corpus(size=12_000).items()}
    trained = {key for row in parts["train"] for key in row}
    for split in ("validation", "test"):
        for row in parts[split]:
            assert split_of(row) == split
            assert not {key for key in row if split_of((key,)) == split} & trained
            assert any(split_of((key,)) == split for key in row)


@pytest.mark.slow
def test_the_same_everywhere():
    code = (
        "import hashlib, make\n"
        "print(hashlib.sha256(make.table(5_000, seed=3).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(make.__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()[-1]
        for seed in ("1", "2")
    }
    assert len(digests) == 1


@pytest.mark.slow
def test_seeds_differ():
    first, second = (drawn_corpus(5_000, seed=seed) for seed in (1, 2))
    known = {row.english for row in first["train"]}
    assert not known & {row.english for row in second["test"]}
    assert first["train"][0] != second["train"][0]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_makes_many_sentences(kind):
    rng = Random(0)
    assert len({kind(rng).english for _ in range(50)}) > 40


def test_a_sentence_is_labelled_by_its_kind_and_tense():
    rng = Random(3)
    drawn = [sentence(rng) for _ in range(500)]
    assert {row.kind for row in drawn} == {kind.__name__ for kind in KINDS}
    assert {row.tense for row in drawn} == {"present", "past", "future"}
