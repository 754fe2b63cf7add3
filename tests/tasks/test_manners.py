"""What users complain of elsewhere, tried on every task that there is."""

import json

import pandas as pd
import pytest
from small_tasks import CASES, fitted_case
from task_contract import assert_same, flat

from tftransformer.text import WordPieceTokenizer

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*:UserWarning")]
# Where a text stands in a row, and what has to be in it.
ASKED = {
    "Parser": "sentence",
    "SequenceParser": "sentence",
    "QuestionAnswerer": "context",
    "MultipleChoice": "context",
}
NEEDED = {"FillMask": " <mask>", "QuestionAnswerer": " dog"}
ODD = [
    "",
    " \n\t",
    "\x00\x01",
    "a" * 90,
    "[MASK] [SEP] </s> <|endoftext|>",
    "e\u0301 😀👩‍🚀 東京\r\n",
    "\u200b\ufeff",
    "-LRB- ( ) ###",
]


@pytest.fixture(scope="module", params=CASES)
def asked(request):
    """The name of a task, the task, and a function from texts to a table of rows to ask."""
    name = request.param
    task, _, frame = fitted_case(name)
    column = ASKED.get(name, frame.columns[0])

    def rows(texts):
        table = pd.concat([frame.iloc[:1]] * len(texts), ignore_index=True)
        given = [text + NEEDED.get(name, "") if isinstance(text, str) else text for text in texts]
        return table.assign(**{column: pd.Series(given, dtype=object)}).drop(
            columns="tree", errors="ignore"
        )

    return name, task, rows


def plain(found):
    return found.to_dict("records")


def test_odd_texts_are_answered_alone_as_beside_others_and_keep_their_index(asked):
    _, task, rows = asked
    table = rows(ODD).set_axis(range(90, 90 + len(ODD)))
    together = task(table)
    assert together.index.tolist() == table.index.tolist()
    assert_same(flat(plain(task(table[::-1]))[::-1]), flat(plain(together)))
    for number in (0, 4, 5):
        alone = task(table.iloc[number : number + 1])
        assert_same(flat(plain(alone)), flat(plain(together.iloc[number : number + 1])))


@pytest.mark.parametrize("wrong", ["\ud800", None, 3, b"bytes"])
def test_what_is_no_text_is_named_with_its_row(asked, wrong):
    _, task, rows = asked
    with pytest.raises(ValueError, match=r"\[1\]"):
        task(rows(["so", wrong]))


def test_a_tokenizer_of_another_vocabulary_is_refused(asked):
    name, task, rows = asked
    others = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *map(str, range(5000))])
    if "tokenizer" not in task.get_params():
        pytest.skip("which read and write by two tokenizers: test_translator.py")
    # Without a table that named them, columns have their usual names.
    table = rows(["4998 4999"] * 2).rename(columns={"tokens": "text"})
    settings = {key: value for key, value in CASES[name][0].items() if key != "model"}
    another = type(task)(task.model_, tokenizer=others, **settings)
    with pytest.raises((ValueError, RuntimeError), match=r"tokenizer|vocabulary|no mask|labels"):
        another(table)


def test_an_argument_that_nobody_knows_is_named(asked, tmp_path):
    name, task, rows = asked
    with pytest.raises(TypeError, match="'topk'"):
        task(rows(["4998 4999"]), topk=3)
    with pytest.raises(TypeError, match="'fromat'"):
        task.export(tmp_path / "served", fromat="saved_model")
    with pytest.raises(TypeError, match=f"'epochs' is no setting of {name}; they are model, "):
        type(task)(epochs=3)


def test_saved_texts_of_settings_and_labels_are_json_and_no_code(asked, tmp_path):
    _, task, _ = asked
    task.save(tmp_path / "saved")
    names = {path.suffix for path in (tmp_path / "saved").rglob("*") if path.is_file()}
    assert names.isdisjoint({".pkl", ".pickle", ".py", ".npy", ".joblib"})
    json.loads((tmp_path / "saved" / f"{task.task}.json").read_text())
