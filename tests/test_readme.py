"""What the README shows runs as it stands, in its order."""

import pathlib
import re

import pytest

import tftransformer as tt

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# The same code on less data.
LESS = [("everyday_corpus()", "everyday_corpus(size=5000)"), ("epochs=10", "epochs=1")]
LESS += [("epochs=3", "epochs=1"), ("num_layers=2, d_model=128", "num_layers=1, d_model=32")]


def write_folder_with_entities(folder):
    """What the README reads as somebody's folder: a BERT that labels entities, of any weights."""
    tokenizer = tt.WordPieceTokenizer(
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "ann", "met", "bob", "in", "paris", "."]
    )
    labels = {"labels": ["O", "B-PER", "I-PER"]}
    model = tt.Bert(10, 1, 8, 2, 8, num_positions=64, heads={"token_classification": labels})
    tt.save_pretrained(model, folder)
    read = tt.pretrained.FolderTokenizer(tokenizer, tt.Template.bert())
    tt.pretrained.save_tokenizer(read, folder)


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 6
    monkeypatch.chdir(tmp_path)
    write_folder_with_entities("runs/bert-ner")
    code = "\n".join(blocks)
    for given, smaller in LESS:
        assert given in code
        code = code.replace(given, smaller)
    names = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), names)
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(names["history"].history)
    assert (tmp_path / "runs" / "de.saved_model" / "saved_model.pb").is_file()
    assert names["logits"].shape[:2] == names["labels"].shape


def test_files_that_the_readme_names_exist():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_test_command_is_the_one_that_continuous_integration_runs():
    command = "python -m pytest -n auto --dist loadscope"
    assert command in README
    assert '".[test]"' in README
    script = (ROOT / ".ci" / "run").read_text()
    assert '".[test]"' in script
    assert command.removeprefix("python") in script
