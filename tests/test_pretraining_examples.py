"""The scripts of examples/pretrain/: what they find, say, and do not do twice."""

import importlib
import json
import pathlib
import sys

import numpy as np
import pandas as pd
import pytest

FOLDER = pathlib.Path(__file__).parents[1] / "examples" / "pretrain"
WORDS = [("ab", "xy"), ("cd", "zu"), ("ef", "vw"), ("gh", "qr"), ("ij", "op"), ("kl", "mn")]


@pytest.fixture
def script(monkeypatch):
    """A function that imports a script by its name."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("language", "retrieval", "denoising", "shakespeare", "own_model"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module


@pytest.fixture
def tables(tmp_path):
    """Paths of 60 pairs and of 20 others, which share no letter with their translations."""
    random = np.random.default_rng(0)
    chosen = [random.permutation(6)[:4] for _ in range(80)]
    rows = [[" ".join(WORDS[i][side] for i in row) for side in (0, 1)] for row in chosen]
    frame = pd.DataFrame(rows, columns=["one", "other"])
    paths = tmp_path / "train.tsv", tmp_path / "test.tsv"
    for path, part in zip(paths, (frame[:60], frame[60:]), strict=True):
        part.to_csv(path, sep="\t", index=False)
    return paths


def run(module, monkeypatch, capsys, tables, folder, *options):
    """The tables that a script prints, each a dict from a row's name to its cells."""
    given = ["--data", tables[0], "--validation", tables[1], "--columns", "one", "other"]
    given += ["--directory", folder, *options]
    monkeypatch.setattr(sys, "argv", ["script", *map(str, given)])
    module.main()
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines() if "\t" in line]
    return [(name, *cells) for name, *cells in lines]


def test_what_was_found_is_read_from_the_log(script, tmp_path):
    language = script("language")
    first = language.Log(tmp_path).once("a", lambda: {"bleu": 2.99996, "nats": 1.0})
    assert (first["bleu"], first["perplexity"]) == (3.0, 2.7183)
    log = language.Log(tmp_path)
    assert log.once("a", lambda: pytest.fail("found before")) == first
    assert log.once("b", lambda: {"bleu": 4.0})["bleu"] == 4.0
    lines = (tmp_path / "log.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["what"] for line in lines] == ["a", "b"]
    assert language.spread([1, 2, 6]) == "3.0 (1.0 – 6.0)"


def test_indexing_finds_what_letters_do_not_tell(script, tables):
    retrieval = script("retrieval")
    train, test = (pd.read_csv(path, sep="\t") for path in tables)
    sides = [test[name].tolist() for name in test]
    found = retrieval.indexed(train, sides)
    # Words without their order: what has the same ones is as similar.
    same = np.array([[{*a.split()} == {*b.split()} for b in sides[0]] for a in sides[0]])
    assert found[same].min() > found[~same].max()
    assert same.sum() < 100
    ranked = np.array([[0.5, 0.9], [0.1, 0.95]])
    assert retrieval.accuracies(ranked, [["a", "b"], ["c", "d"]]) == {"to": 0.5, "from": 1.0}


@pytest.mark.slow
def test_retrieval_compares_pairs_and_none_and_trains_once(
    script, tables, tmp_path, monkeypatch, capsys
):
    retrieval = script("retrieval")
    for name, value in {"LAYERS": 1, "WIDTH": 16, "HEADS": 2, "VOCABULARY": 60}.items():
        monkeypatch.setattr(retrieval, name, value)
    how = (monkeypatch, capsys, tables, tmp_path / "run", "--steps", 3)
    shown = run(retrieval, *how)
    names = [name for name, *_ in shown[1:]]
    of_layers = [f"{way}, layer {i}" for way in ("masked tokens", "and pairs") for i in (0, 1)]
    assert names == ["chance", "tf-idf", "indexing", *of_layers]
    assert shown[1][1:] == ("5.0 (5.0 – 5.0)",) * 2
    monkeypatch.setattr(retrieval, "trained", lambda *_, **__: pytest.fail("trained again"))
    assert run(retrieval, *how) == shown


@pytest.mark.slow
def test_denoising_compares_a_translator_with_one_from_scratch(
    script, tables, tmp_path, monkeypatch, capsys
):
    denoising = script("denoising")
    small = {"num_layers": 1, "d_model": 16, "num_heads": 2, "dff": 16}
    monkeypatch.setattr(denoising, "SIZES", small)
    monkeypatch.setattr(denoising, "VOCABULARY", 300)
    begun, ended, train = [], [], denoising.trained

    def trained(make, *given, **how):
        model = make()
        begun.append(model.get_weights())
        found = train(lambda: model, *given, **how)
        ended.append(model.get_weights())
        return found

    monkeypatch.setattr(denoising, "trained", trained)
    (tmp_path / "more.txt").write_text("ab cd ef\nxy zu vw\n")
    options = ("--steps", 2, "--denoise", 2, "--rows", 60, "--more", tmp_path / "more.txt")
    how = (monkeypatch, capsys, tables, tmp_path / "run", *options)
    shown = run(denoising, *how)
    assert [name for name, *_ in shown] == [
        *("bleu with pairs", *denoising.WAYS),
        *("chrf with pairs", *denoising.WAYS),
    ]
    (denoiser, *_), (_, scratch, denoised) = ended, begun
    assert all(map(np.array_equal, denoised, denoiser))
    assert not np.array_equal(scratch[0], denoiser[0])
    lines = (tmp_path / "run" / "log.jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[0])["texts"] == 122


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shakespeare", "own_model"])
def test_characters_are_learnt_and_a_second_run_adds_none(
    script, tmp_path, monkeypatch, capsys, name
):
    (tmp_path / "text.txt").write_text("the dog sleeps in the house\na cat eats fish\n" * 120)
    given = ["--data", tmp_path / "text.txt", "--directory", tmp_path / "run"]
    monkeypatch.setattr(sys, "argv", ["script", *map(str, [*given, "--steps", 4])])
    module = script(name)
    for _ in range(2):
        module.main()
    shown = [line.split() for line in capsys.readouterr().out.splitlines() if "nats" in line]
    counting, first, again, second = [float(line[line.index("nats") + 1]) for line in shown]
    assert 0 < counting == again < first == second < np.log(18)  # kinds of characters
