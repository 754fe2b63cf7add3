"""Tasks on the command line: which columns they learn from, and what they print."""

import argparse
import json

import pytest
from shell import PAIRS, run

from tftransformer.cli import tasks


@pytest.mark.slow
def test_a_classifier_is_trained_scored_and_asked(tmp_path):
    rows = "".join(f"{en}\t{'small' if 'one' in en else 'large'}\n" for en, _ in PAIRS)
    flipped = "".join(f"{'small' if 'one' in en else 'large'}\t{en}\n" for en, _ in PAIRS)
    (tmp_path / "sizes.tsv").write_text("words\tsize\n" + rows)
    table, model = tmp_path / "sizes.tsv", tmp_path / "model"
    words = ("train", "--task", "classify", "--train", table, "--model", model, "--text", "words")
    train = (*words, "--label", "size", "--validation", table)
    for option in ("--num-beams", "--target"):
        code, out, err = run(*train, option, 2, check=False)
        assert (code, out) == (2, "")
        assert f"unrecognized arguments: {option} 2; " in err
        assert "`python -m tftransformer train --task classify --help` tells" in err
    _, out, _ = run(
        *train, "--vocab-size", 50, "--epochs", 3, "--max-length", 20, "--num-layers", 0
    )
    assert out.endswith(f"TextClassifier: {model}\n")
    (tmp_path / "other.tsv").write_text("length\tphrase\n" + flipped)
    other = ("--test", tmp_path / "other.tsv", "--text", "phrase", "--label", "length")
    _, renamed, _ = run("evaluate", "--model", model, *other)
    _, out, _ = run("evaluate", "--task", "classify", "--model", model, "--test", table)
    assert out == renamed
    assert dict(line.split() for line in out.splitlines())["rows"] == str(len(PAIRS))
    _, out, _ = run("predict", "--model", model, text="one and two\nfour and five\n")
    answers = [json.loads(line) for line in out.splitlines()]
    assert len(answers) == 2
    assert all(answer["label"] in ("small", "large") for answer in answers)
    _, out, _ = run("predict", "--model", model, "--top-k", 2, text="one and two\n")
    (ranked,) = map(json.loads, out.splitlines())
    assert {answer["label"] for answer in ranked} == {"small", "large"}


@pytest.mark.slow
def test_a_tagger_learns_from_words_or_spans_and_is_scored_on_either(tmp_path):
    rows = [{"words": ["Ann", f"met{i}", "Bob"], "marks": ["B-P", "O", "B-P"]} for i in range(20)]
    texts = [
        {"text": " ".join(row["words"]), "spans": [[0, 3, "P"], [len(f"Ann met{i} "), None, "P"]]}
        for i, row in enumerate(rows)
    ]
    for text in texts:
        text["spans"][1][1] = len(text["text"])
    for name, table in (("words", rows), ("texts", texts)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, table)))
    model, words, texts = tmp_path / "model", tmp_path / "words.jsonl", tmp_path / "texts.jsonl"
    train = ("train", "--task", "tag", "--train", words, "--tokens", "words", "--tags", "marks")
    run(*train, "--model", model, "--vocab-size", 60, "--epochs", 1, "--num-layers", 0)
    _, of_words, _ = run("evaluate", "--model", model, "--test", words)
    _, of_texts, _ = run(
        *("evaluate", "--model", model, "--test", texts, "--text", "text", "--spans", "spans")
    )
    assert of_words == of_texts
    assert dict(line.rsplit(" ", 1) for line in of_words.splitlines())["types P support"] == "40"
    spans = (*train[:3], "--train", texts, "--text", "text")
    run(*spans, "--model", tmp_path / "other", "--epochs", 1)
    wrong = (*train[:5], "--tokens", "words", "--text", "text", "--model", tmp_path / "none")
    code, _, err = run(*wrong, check=False)
    assert code == 1
    assert "--tokens and --text do not go together: --tokens and --tags; or" in err


@pytest.mark.parametrize(
    ("words", "count", "found"),
    [
        ([], None, ["text", "positive"]),
        (["--negative", "no"], None, ["text", "positive", "no"]),
        (["--positive", "yes"], 2, ["text", "yes"]),
        ([], 3, ["text", "positive", "negative"]),
    ],
)
def test_columns_that_go_together_are_chosen(words, count, found):
    cls = tasks.task_class("embed")
    parser = argparse.ArgumentParser()
    tasks.add_columns(parser, cls)
    chosen = tasks.chosen(parser.parse_args(words), cls, count)
    assert [*chosen.values()] == [[name] for name in found]


@pytest.mark.slow
def test_questions_whose_answers_are_lists_are_learnt_and_scored(tmp_path):
    """As SQuAD has them: places stand in the lists, and no column `start` is asked for."""
    rows = [
        {
            "asked": f"who met {name}{i} ?",
            "text": f"Ann met {name}{i} .",
            "answers": [{"text": "Ann", "answer_start": 0}],
        }
        for i in range(10)
        for name in ("Bob", "Zoe")
    ]
    table, model = tmp_path / "rows.jsonl", tmp_path / "model"
    table.write_text("\n".join(map(json.dumps, rows)))
    named = ("--question", "asked", "--context", "text", "--answer", "answers")
    train = ("train", "--task", "answer", "--train", table, *named, "--model", model)
    run(*train, "--vocab-size", 60, "--epochs", 1, "--num-layers", 0, "--max-length", 24)
    _, out, _ = run("evaluate", "--model", model, "--test", table)
    assert out.startswith("rows 20\n")
    first = [{"who": row["asked"], "text": row["text"], "right": row["answers"]} for row in rows]
    table.write_text("\n".join(map(json.dumps, first)))
    other = ("--question", "who", "--context", "text", "--answer", "right")
    assert run("evaluate", "--model", model, "--test", table, *other)[1] == out
    code, _, err = run("evaluate", "--model", model, "--test", table, "--start", "who", check=False)
    assert code == 1
    assert "--start do not go together: --question and --context and --answer." in err
