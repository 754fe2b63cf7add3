"""Which rows are taken, whatever kind of DataFrame they come in; what is wrong is named."""

import numpy as np
import pandas as pd
import pytest

from tftransformer.data.columns import take_columns

COLUMNS = ["en", "de"]
VALUES = {"en": ["a", None, " \t", "d", "e"], "de": ["A", "B", "C", "", "E"], "id": range(5)}


def frames():
    frame = pd.DataFrame(VALUES)
    yield pytest.param(frame, id="default strings")
    yield pytest.param(frame.astype(dict.fromkeys(COLUMNS, object)), id="object")
    yield pytest.param(frame.astype(dict.fromkeys(COLUMNS, "string")), id="pandas.NA")
    yield pytest.param(frame.astype(dict.fromkeys(COLUMNS, "category")), id="category")
    yield pytest.param(frame.set_index(pd.Index(list("xxyyz"))), id="index with repeats")
    yield pytest.param(frame[["id", "de", "en"]].set_index("id"), id="other order")
    nan = frame.astype(object)
    nan.loc[1, "en"] = np.nan
    yield pytest.param(nan, id="NaN")


@pytest.mark.parametrize("frame", frames())
def test_whole_rows_are_taken_and_the_frame_is_left_alone(frame):
    before = frame.copy(deep=True)
    (en, de), report = take_columns(frame, COLUMNS)
    assert (en, de) == (["a", "e"], ["A", "E"])
    assert (report.given, report.missing, report.empty, report.used) == (5, 1, 2, 2)
    pd.testing.assert_frame_equal(frame, before)


def pairs(**columns):
    return pd.DataFrame({"en": ["a", "b"], "de": ["A", "B"]} | columns)


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        ([("a", "b")], TypeError, r"expected a pandas DataFrame, got list.*read_table"),
        ({"en": ["a"]}, TypeError, "got dict"),
        (pairs().rename(columns={"de": "ger"}), ValueError, r"'de' is not in .*'en', 'ger'"),
        (pairs().iloc[:0], ValueError, "the table is empty"),
        (pairs(de=[None, " "]), ValueError, "0 of 2 rows used; dropped: 1 missing, 1 empty"),
        (pairs(en=[1, 2]), TypeError, r"row 0 \(index 0\) of column 'en' is 1, of type int"),
        (pairs(en=["a", b"b"]), TypeError, r"row 1 .* of type bytes.*str\.decode\('utf-8'\)"),
        (pairs(en=["a", 2.5]).set_index([["p", "q"]]), TypeError, r"row 1 \(index 'q'\).*float"),
        (pairs(en=["a", ["b"]]), TypeError, "type list"),
        (pairs(de=pd.Series(["x\ud800", "B"], dtype=object)), ValueError, "row 0 .* surrogate"),
    ],
)
def test_what_is_wrong_is_named(frame, error, message):
    with pytest.raises(error, match=message):
        take_columns(frame, COLUMNS)


def test_a_column_that_is_there_twice_is_refused():
    frame = pd.concat([pairs(), pairs()[["de"]]], axis=1)
    with pytest.raises(ValueError, match="'de' is in the DataFrame 2 times"):
        take_columns(frame, COLUMNS)


@pytest.mark.parametrize(
    ("value", "turn"),
    [(3.0, "astype('string')"), (b"x", "str.decode('utf-8')"), (["x", "y"], "str.join(' ')")],
)
def test_the_advice_on_a_column_makes_strings_of_it(value, turn):
    frame = pd.DataFrame({"en": pd.Series([value], dtype=object), "de": ["x"]})
    with pytest.raises(TypeError) as caught:
        take_columns(frame, COLUMNS)
    advice = f"frame['en'].{turn}"
    assert str(caught.value).endswith(f"{advice}.")
    turned = eval(advice, {"frame": frame})
    take_columns(frame.assign(en=turned), COLUMNS)


def test_a_long_value_is_cut_in_the_message():
    frame = pd.DataFrame([["x" * 500, "y"]], columns=["z" * 500, "w"])
    with pytest.raises(ValueError, match="not in the DataFrame") as caught:
        take_columns(frame, COLUMNS)
    assert len(str(caught.value)) < 300
