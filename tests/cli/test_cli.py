"""The command line, in processes of its own, as a person at a shell meets it."""

import inspect
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from shell import PAIRS, run

from tftransformer.cli import main, tasks
from tftransformer.cli.main import _parser
from tftransformer.cli.options import Option, given, options_of
from tftransformer.tasks.generation_options import OPTIONS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run on a toy table: its folder, with the tables beside."""
    root = tmp_path_factory.mktemp("cli")
    rows = "".join(f"{en}\t{de}\n" for en, de in PAIRS)
    (root / "pairs.tsv").write_text("en\tde\n" + rows, encoding="utf-8")
    run(
        *("train", "--train", root / "pairs.tsv", "--validation", root / "pairs.tsv"),
        *("--model", root / "model", "--vocab-size", 300, "--num-layers", 1, "--d-model", 32),
        *("--num-heads", 2, "--dff", 64, "--dropout", 0, "--epochs", 160, "--average", 2),
        *("--learning-rate", 0.01, "--warmup-steps", 40),
    )
    return root


@pytest.mark.slow
def test_what_was_trained_translates_line_by_line(folder):
    english = [en for en, _ in PAIRS]
    german = [de for _, de in PAIRS]
    text = "\n".join([*english[:3], "", *english[3:]]) + "\r\n"
    _, out, _ = run("translate", "--model", folder / "model", text=text)
    lines = out.split("\n")
    assert lines.pop() == ""
    assert lines.pop(3) == ""
    assert np.mean([a == b for a, b in zip(lines, german, strict=True)]) > 0.9
    for words, begin in (((), "\ufeff"), (("--parallel", 2), "")):
        assert run("translate", "--model", folder / "model", *words, text=begin + text)[1] == out
    _, out, _ = run(
        "translate", "--model", folder / "model", "--scores", "--num-beams", 1, text=text
    )
    scored = [line.split("\t") for line in out.splitlines()]
    assert len(scored) == len(PAIRS) + 1
    assert all(float(score) <= 0 for score, _ in scored)
    drawn = "--do-sample", "--num-return-sequences", 2
    _, out, _ = run("translate", "--model", folder / "model", *drawn, text="\n".join(english))
    assert len(out.splitlines()) == 2 * len(PAIRS)
    assert out.splitlines()[::2] != out.splitlines()[1::2]


@pytest.mark.slow
def test_evaluate_and_export(folder):
    _, out, _ = run("evaluate", "--model", folder / "model", "--test", folder / "pairs.tsv")
    scores = dict(line.split(" ", 1) for line in out.splitlines())
    assert "tok:13a" in scores["bleu_signature"]
    assert float(scores["chrf"]) > 80  # BLEU is 0 for texts of less than four words
    export = ["export", "--model", folder / "model", "--output", folder / "saved"]
    run(*export)
    assert (folder / "saved" / "saved_model.pb").is_file()
    code, out, err = run(*export, check=False)
    assert (code, out) == (1, "")
    assert "exists already" in err
    compiled = folder / "compiled"
    words = ["--weights", "int8", "--jit-compile"]
    run("export", "--model", folder / "model", "--output", compiled, *words)
    sizes = [
        (path / "variables" / "variables.data-00000-of-00001").stat().st_size
        for path in (compiled, folder / "saved")
    ]
    assert sizes[0] < 0.6 * sizes[1]


@pytest.mark.slow
def test_export_for_ctranslate2(folder, tmp_path):
    pytest.importorskip("ctranslate2", exc_type=ImportError)
    words = ["--format", "ctranslate2", "--weights", "int8"]
    run("export", "--model", folder / "model", "--output", tmp_path / "served", *words)
    assert (tmp_path / "served" / "model.bin").is_file()


@pytest.mark.slow
def test_errors_go_to_standard_error_with_a_status(folder, tmp_path):
    table = folder / "pairs.tsv"
    for words, message in (
        (["translate", "--model", tmp_path], "holds no translator"),
        (["train", "--train", tmp_path / "no.tsv", "--model", tmp_path / "m"], "there is no file"),
        # Before the vocabulary is learnt and saved.
        (
            ["train", "--train", table, "--model", tmp_path / "m", "--num-heads", 5],
            "d_model=128 does not divide into num_heads=5",
        ),
        (
            ["evaluate", "--model", folder / "model", "--test", table, "--target", "nl"],
            "column 'nl' is not in",
        ),
    ):
        code, out, err = run(*words, check=False)
        assert (code, out) == (1, "")
        assert message in err
        assert "Traceback" not in err
    code, out, err = run(
        *("translate", "--model", folder / "model"), text=b"one\n\xe4\n", check=False
    )
    assert (code, out) == (1, "")
    assert "not UTF-8" in err
    assert "Traceback" not in err
    assert run("translate", check=False)[0] == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_second_run_leaves_the_first_alone(folder):
    def state():
        files = [path for path in (folder / "model").rglob("*") if path.is_file()]
        return {path: path.read_bytes() for path in files}

    before = state()
    words = ("train", "--train", folder / "pairs.tsv", "--model", folder / "model")
    code, out, err = run(*words, "--vocab-size", 290, check=False)
    assert (code, out) == (1, "")
    assert "--resume" in err
    assert state() == before


@pytest.mark.slow
def test_a_resumed_run_keeps_the_options_of_its_data(folder):
    words = ("train", "--train", folder / "pairs.tsv", "--model", folder / "model", "--resume")
    code, out, err = run(*words, "--vocab-size", 290, "--max-length", 9, check=False)
    assert (code, out) == (1, "")
    assert "begun with vocab_size=300, max_length=128" in err


@pytest.mark.slow
def test_a_translator_without_checkpoints_is_not_written_over(folder, tmp_path):
    (tmp_path / "translator.json").write_text("{}")
    words = ("train", "--train", folder / "pairs.tsv", "--model", tmp_path)
    code, _, err = run(*words, check=False)
    assert code == 1
    assert "earlier run" in err
    assert [path.name for path in tmp_path.iterdir()] == ["translator.json"]


@pytest.mark.slow
def test_output_that_nobody_reads_is_an_error(folder):
    """The pipe breaks when the program writes what it has held back until its end."""
    command = [sys.executable, "-m", "tftransformer", "translate", "--model", folder / "model"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    process.stdout.close()
    process.stdin.write(b"one and two\n")
    process.stdin.close()
    error = process.stderr.read().decode()
    assert process.wait() == 141
    assert "Exception" not in error


@pytest.mark.slow
def test_options_that_would_do_nothing_are_refused(folder, tmp_path):
    export = ("export", "--model", folder / "model", "--output", tmp_path / "out")
    for words, message in (
        ((*export, "--format", "ctranslate2", "--num-beams", 7), "told with each call"),
        ((*export, "--format", "ctranslate2", "--parallel", 2), "--parallel is for a SavedModel"),
    ):
        code, out, err = run(*words, check=False)
        assert (code, out) == (1, "")
        assert message in err
    assert run(*export, "--batch-size", 8, check=False)[0] == 2


@pytest.mark.slow
def test_a_folder_that_holds_no_trained_task_is_told_what_it_is(tmp_path):
    (tmp_path / "saved_model.pb").touch()
    for folder, message in (
        (tmp_path / "nowhere", "there is no folder"),
        (tmp_path, "is a SavedModel, as export writes it"),
        (tmp_path.parent, "say which one is meant, --task"),
    ):
        code, out, err = run("predict", "--model", folder, check=False)
        assert (code, out) == (1, "")
        assert message in err


@pytest.mark.slow
def test_errors_name_the_table(folder, tmp_path):
    (tmp_path / "empty.tsv").write_text("en\tde\n")
    words = ("train", "--train", folder / "pairs.tsv", "--validation", tmp_path / "empty.tsv")
    code, out, err = run(*words, "--model", tmp_path / "model", check=False)
    assert (code, out) == (1, "")
    assert f"{tmp_path / 'empty.tsv'}: " in err
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
def test_warnings_read_as_messages(folder, tmp_path):
    words = ("train", "--train", folder / "pairs.tsv", "--model", tmp_path / "model")
    code, _, err = run(*words, "--vocab-size", 300, "--max-length", 1, check=False)
    assert code == 1
    assert "no row is left" in err
    code, _, err = run("train", "--help")
    assert "default: None" not in err


@pytest.mark.parametrize("name", tasks.TASKS)
def test_options_are_the_arguments_of_the_task_with_what_its_docstring_says(name):
    cls = tasks.task_class(name)
    declared = [*tasks.settings(cls), *options_of(cls.export)]
    assert {option.name for option in declared} >= {"batch_size", "seed", "weights", "jit_compile"}
    for option in declared:
        assert option.said, option.name
    parameters = inspect.signature(cls).parameters
    for option in tasks.settings(cls):
        entry = option.of != ""
        assert option.default == (None if entry else parameters[option.name].default)
        kind = tuple if option.many else option.kind
        assert option.default in (None, "auto") or type(option.default) is kind
    assert all(isinstance(column, str | None) for column in tasks.columns(cls).values())


@pytest.mark.parametrize("name", tasks.TASKS)
def test_every_command_of_every_task_can_be_asked(name):
    """No option of a task is called as another one is."""
    parser = _parser(tasks.task_class(name))
    words = ["train", "--task", name, "--train", "rows.jsonl", "--model", "m", "--pretrained", "f"]
    assert parser.parse_args(words).pretrained == "f"
    assert parser.parse_args(["predict", "--model", "m"]).model == "m"


def test_the_help_of_a_folder_tells_the_options_of_its_task(tmp_path, capsys):
    (tmp_path / "text_generator.json").write_text("{}")
    for words, found in (([], False), (["--model", str(tmp_path)], True)):
        with pytest.raises(SystemExit):
            main(["predict", "--help", *words])
        assert ("--penalty-alpha" in capsys.readouterr().out) is found


def test_how_texts_are_written_is_asked_for_by_the_names_that_calls_have():
    generate, summarize = tasks.task_class("generate"), tasks.task_class("summarize")
    words = ["--penalty-alpha", "0.6", "--top-k", "3", "--stop", "a", "b", "--no-do-sample"]
    options = _parser(generate).parse_args(["predict", "--model", "m", *words])
    expected = {"penalty_alpha": 0.6, "top_k": 3, "stop": ["a", "b"], "do_sample": False}
    assert given(options, options_of(generate.answers)) == expected
    cannot_be_given = {"early_stopping", "bad_words_ids"}  # of two types, lists of lists
    for function in (generate.answers, summarize.evaluate):
        names = {option.name for option in options_of(function)}
        assert names - {"baselines"} == {*OPTIONS} - cannot_be_given
    words = ["--num-beams", "4", "--max-length", "9"]
    train = _parser(generate).parse_args(["train", "--train", "f", "--model", "m", *words])
    assert given(train, tasks.settings(generate)) == {"max_length": 9, "options": {"num_beams": 4}}


def test_an_option_is_described_by_the_first_sentence_of_its_argument():
    def function(width: int, rate: float | None = None, fast: bool = False, kind: Any = None):
        """Does something.

        Args:
            width: of it. More is slower.
            rate: such as 0.5, or
                None. Else.
            fast: whether to hurry
            kind: `of` it.

        Returns:
            rate: nothing.
        """

    assert options_of(function) == [
        Option("rate", float, None, "such as 0.5, or None"),
        Option("fast", bool, False, "whether to hurry"),
    ]
