"""Tables of texts and labels, named and unnamed."""

import numpy as np
import pandas as pd
import pytest

from tftransformer.tasks.choices import choice_rows, choice_table
from tftransformer.tasks.questions import question_table
from tftransformer.tasks.tables import documents, table, text_columns, texts_table
from tftransformer.tasks.tagged_texts import tagged

FRAME = pd.DataFrame({"a": ["x", "y"], "b": ["u", "v"], "label": [0, 1]})


@pytest.mark.parametrize("text", ["a", ["a", "b"], ("a", "b")], ids=str)
def test_columns_are_named_one_by_one(text):
    frame, names = table(FRAME, None, text, "label")
    assert frame is FRAME
    assert names == [*([text] if text == "a" else text), "label"]


def test_a_column_of_a_multiindex_is_named_as_it_stands_there():
    frame = FRAME.copy()
    frame.columns = pd.MultiIndex.from_tuples([("text", "a"), ("text", "b"), ("of", "label")])
    with pytest.raises(ValueError, match=r"\('text', 'a'\).*as they stand there"):
        table(frame, None, "a", "label")
    _, names = table(frame, None, ("text", "a"), ("of", "label"))
    assert names == [("text", "a"), ("of", "label")]
    _, names = table(frame, None, [("text", "a"), ("text", "b")], ("of", "label"))
    assert text_columns(frame, names[:-1]) == [["x", "y"], ["u", "v"]]


def test_a_column_that_was_fitted_and_is_missing_is_named_and_no_rows_are_no_fault():
    with pytest.raises(
        ValueError, match=r"column 'c' is not in .*'a', 'b', 'label'.*It was fitted"
    ):
        text_columns(FRAME, ["c"])
    assert text_columns(FRAME[:0], ["a"]) == [[]]


@pytest.mark.parametrize(
    "read",
    [
        lambda rows: table(rows, None, ["a", "b"], "label")[0],
        lambda rows: documents(rows, "a", 0)[0],
        lambda rows: texts_table(rows, "a", "b")[0],
        lambda rows: question_table(rows, "b", "a", "c")[0],
        lambda rows: choice_table(rows, ["a", "b", "choices", "label"]),
        lambda rows: tagged(rows, None, "a", "spans", None)[0],
    ],
)
def test_a_list_of_dicts_is_a_table(read):
    rows = [{"a": "x y", "b": "u", "label": i, "c": "x"} for i in range(2)]
    rows = [{**row, "choices": ["x", "y"], "spans": [(0, 1, "X")]} for row in rows]
    pd.testing.assert_frame_equal(read(rows), read(pd.DataFrame(rows)), check_dtype=False)


@pytest.mark.parametrize(
    ("texts", "names", "said"),
    [
        (
            ["x"],
            ["a", "b"],
            r"texts\[0\] is 'x', of type str; expected 2 strings in a tuple, \(a, b",
        ),
        ([["x", "y"]], ["a", "b"], r"texts\[0\] is \['x', 'y'\], of type list; expected 2 strings"),
        (["x", pd.NA], ["a"], "<NA>, .*expected a string"),
        (["x", np.nan], ["a"], r"texts\[1\] is nan, .*expected a string.*Leave out .*dropna"),
        ([pd.Series(["x"] * 99)], ["a"], r"texts\[0\] is 0 .{,90}, of type Series"),
        (
            {"a": "x", "b": "y"},
            ["a", "b"],
            r"of type dict; expected 2 strings in a tuple, \(a, b\)",
        ),
        (FRAME, ["a", "c"], r"column 'c' is not in .*Or give tuples of 2 strings: zip"),
        (FRAME, ["c"], r"column 'c' is not in .*Or give one column alone"),
    ],
    ids=range(8),
)
def test_what_rows_should_be_is_said_in_words(texts, names, said):
    with pytest.raises((TypeError, ValueError), match=said):
        text_columns(texts, names)


def test_half_a_surrogate_pair_is_named_with_its_row():
    said = "holds half a surrogate pair"
    with pytest.raises(ValueError, match=rf"texts\[1\] {said}"):
        text_columns(["so", "x\ud800"], ["text"])
    with pytest.raises(ValueError, match=rf"texts\[1\], 'b', {said}"):
        text_columns(pd.DataFrame({"a": ["", ""], "b": ["so", "\udfff"]}, dtype=object), ["a", "b"])
    with pytest.raises(ValueError, match=rf"rows\[1\] {said}"):
        choice_rows([("a", "", ["b", "c"]), ("a", "", ["b", "\ud800"])])
    assert text_columns(["", "😀"], ["text"]) == [["", "😀"]]


@pytest.mark.parametrize(
    "row", [("a", "b", None), ("a", "b", float("nan")), ("a", "b", {"c", "d"}), {"context": "a"}]
)
def test_a_row_without_a_list_of_choices_is_named(row):
    with pytest.raises(ValueError, match=r"rows\[1\] is .*a list of choices"):
        choice_rows([("a", "b", ["c", "d"]), row])


@pytest.mark.parametrize("rows", [5, None, "a"], ids=str)
def test_what_is_no_container_of_rows_with_choices_is_told(rows):
    with pytest.raises(TypeError, match=f"not of type {type(rows).__name__}"):
        choice_rows(rows)


def test_choices_of_numpy_become_strings_of_python():
    (_, _, (choices,)) = choice_rows([("a", "b", np.array(["c", "d"]))])
    assert choices == ["c", "d"]
    assert {type(choice) for choice in choices} == {str}


@pytest.mark.parametrize("texts", [5, None, "a", b"a", {"text": "a"}], ids=str)
def test_what_is_no_container_of_texts_is_told(texts):
    with pytest.raises(TypeError, match=f"of type {type(texts).__name__}; expected a string, or"):
        text_columns(texts, ["text"])


@pytest.mark.parametrize("share", [1.5, 1.0, -0.1, float("nan"), float("inf")])
def test_a_share_of_one_text_is_between_0_and_1(share):
    with pytest.raises(ValueError, match=r"validation=.* expected a number between 0 and 1"):
        documents("one text that is parted", "a", share)


@pytest.mark.parametrize("none", [0, 0.0, None])
def test_nothing_of_one_text_is_held_out_where_nothing_is_asked(none):
    frame, held_out = documents("one text", "a", none)
    assert frame["a"].tolist() == ["one text"]
    assert not held_out


def test_a_share_may_be_a_number_of_numpy():
    frame, held_out = documents("a text of two halves", "a", np.float32(0.5))
    assert "".join([*frame["a"], *held_out["a"]]) == "a text of two halves"
