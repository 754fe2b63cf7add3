"""The TokenClassifier: entities of random texts, windows, schemes, saving, bad input."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from tftransformer.data import DataProcess
from tftransformer.models import Bert
from tftransformer.objectives import Entities
from tftransformer.tasks import TokenClassifier
from tftransformer.text import WordPieceTokenizer

NAMES = {"PER": ["Ann", "Bob Ray", "Zoë"], "LOC": ["Rome", "New York", "Köln"]}
FRAMES = ["{PER} met {PER2} in {LOC} .", "nobody left {LOC} , said {PER}", "so it is"]
SETTINGS = {"vocab_size": 120, "learning_rate": 0.01, "max_length": 32, "stride": 8}
HOW = {"epochs": 60, "verbose": 0, "validation": 0}
SPELLINGS = [
    "x" * 150,
    "[MASK]",
    "[SEP]",
    "\u200b",
    "\r\n",
    "😀👩‍🚀",
    "東京",
    "e\u0301",
    "\t",
    "U.S.-based",
    "x" * 150,
]


def sentences():
    """Lists of words and their IOB2 tags."""
    rows = []
    for i in range(36):
        words, tags = [], []
        for word in FRAMES[i % 3].split():
            kind = word.strip("{}2") if word.startswith("{") else ""
            name = NAMES[kind][(i // 3 + ("2" in word)) % 3].split() if kind else [word]
            words += name
            tags += [f"B-{kind}", *[f"I-{kind}"] * (len(name) - 1)] if kind else ["O"]
        rows.append((words, tags))
    return rows


WORDS, TAGS = map(list, zip(*sentences(), strict=True))
FRAME = pd.DataFrame({"tokens": WORDS, "tags": TAGS}, index=range(100, 136))
ASKED = ["Bob Ray met Zoë in New York.", "so", "", "Bob Ray left Köln, said Ann"]


@pytest.fixture(scope="module")
def tag():
    return TokenClassifier(**SETTINGS).fit(FRAME, **HOW)


@pytest.fixture(scope="module")
def wild():
    """One that was never trained, and finds entities everywhere."""
    return untrained()


def untrained(**given):
    tokenizer = WordPieceTokenizer.learn([*ASKED, *map(" ".join, WORDS)], 120, exactly=False)
    sizes = {"num_layers": 1, "d_model": 16, "num_heads": 2, "dff": 32, "num_positions": 64}
    labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    head = {"token_classification": {"labels": labels}}
    model = Bert(tokenizer.vocab_size, **sizes, heads=head)
    for weight in model.weights:
        if "kernel" in weight.path:
            weight.assign(weight * 30)
    settings = {"max_length": 24, "stride": 8, **given}
    task = TokenClassifier(model, tokenizer=tokenizer, **settings)
    task.fitted()  # reads the model now, so that another one may take its place
    return task


def same(one, other, atol=1e-5):
    """Whether two answers are the same entities, with scores close to each other."""
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert {**a, "score": 0} == {**b, "score": 0}
        assert a["score"] == pytest.approx(b["score"], abs=atol)


@pytest.mark.slow
def test_it_learns_names_and_says_where_they_stand(tag):
    first = tag(ASKED[0])
    assert [(e["entity_group"], e["word"]) for e in first] == [
        ("PER", "Bob Ray"), ("PER", "Zoë"), ("LOC", "New York")
    ]  # fmt: skip
    assert all(ASKED[0][e["start"] : e["end"]] == e["word"] for e in first)
    assert tag.predict([WORDS[0], "so it is"]) == [TAGS[0], []]
    assert tag.predict(FRAME).tolist() == TAGS
    assert tag.predict(FRAME).index.tolist() == FRAME.index.tolist()
    scores = tag.evaluate(FRAME)
    assert scores["f1"] == 1
    assert {"majority", "linear", "types", "precision", "recall", "macro_f1"} <= scores.keys()
    assert "IOB2" in str(tag.report_)


@pytest.mark.slow
def test_results_have_the_shape_of_the_input_whatever_their_number(tag):
    every = tag(ASKED)
    assert isinstance(every, list)
    for text, found in zip(ASKED, every, strict=True):
        same(found, tag(text))
        same(found, tag([text])[0])
    shuffled = tag(ASKED[::-1])[::-1]
    for one, other in zip(every, shuffled, strict=True):
        same(one, other)
    series = pd.Series(ASKED, index=[7, 7, 1, 0])
    assert tag(series).index.tolist() == [7, 7, 1, 0]
    table = tag(pd.DataFrame({"tokens": ASKED}, index=list("abcd")))
    assert table.index.tolist() == list("abcd")
    assert table.columns.tolist() == ["entities"]
    assert tag([]) == []


@pytest.mark.slow
def test_spans_teach_what_tags_teach():
    texts = [" ".join(words) for words in WORDS]
    by_tags = TokenClassifier(**SETTINGS).fit(WORDS, TAGS, **{**HOW, "epochs": 1})
    spans = [by_tags.trained_on_["tags"].iloc[i] for i in range(len(texts))]
    as_dicts = [[{"start": i, "end": j, "label": kind} for i, j, kind in row] for row in spans]
    frame = pd.DataFrame({"text": texts, "spans": as_dicts})
    by_spans = TokenClassifier(**SETTINGS).fit(frame, text="text", **{**HOW, "epochs": 1})
    assert by_spans.history_ == by_tags.history_
    assert all(isinstance(span, tuple) for row in by_spans.predict(texts) for span in row)


@pytest.mark.slow
def test_what_is_saved_answers_as_before(tag, tmp_path):
    tag.save(tmp_path / "tag")
    again = TokenClassifier.load(tmp_path / "tag")
    assert again(ASKED) == tag(ASKED)
    assert again.predict(FRAME).tolist() == TAGS
    assert clone(tag).get_params() == tag.get_params()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["IOB1", "IOB2", "BIOES", "plain"])
def test_each_scheme_is_recognised_and_comes_back(scheme):
    from tftransformer.scores import spans_to_tags, tags_to_spans

    tags = [spans_to_tags(tags_to_spans(row), len(row), scheme=scheme) for row in TAGS]
    settings = {**SETTINGS, "scheme": "IOB1" if scheme == "IOB1" else None}
    how = HOW if scheme == "BIOES" else {**HOW, "epochs": 1}
    task = TokenClassifier(**settings).fit(WORDS, tags, **how)
    assert task.data_.objective.scheme_ == scheme
    assert f"scheme {scheme}" in str(task.report_)
    assert scheme != "BIOES" or task.predict(WORDS) == tags


@pytest.mark.slow
def test_weights_of_types_reach_the_loss_and_types_may_be_of_any_kind():
    texts, spans = ["1 a", "a 2", "b 1"] * 6, [[(0, 1, 7)], [(2, 3, 8)], [(2, 3, 7)]] * 6
    how = HOW
    task = TokenClassifier(class_weight={7: 2.0, "O": 0.5}, **SETTINGS)
    task.fit(texts, spans, **how)
    assert task.classes_ == [7, 8]
    assert [e["entity_group"] for e in task("b 1")] == [7]


@pytest.mark.slow
@given(
    parts=st.lists(st.text(max_size=12) | st.sampled_from([*SPELLINGS, *ASKED]), max_size=12),
    aggregation=st.sampled_from(["none", "simple", "first", "average", "max"]),
)
@settings(max_examples=40, deadline=None)
def test_each_entity_is_a_slice_of_its_text_without_white_space_at_its_ends(
    wild, parts, aggregation
):
    text = " ".join(parts)
    if any("\ud800" <= x <= "\udfff" for x in text):
        return
    found = wild(text, aggregation=aggregation)
    ends = [0]
    for entity in found:
        word, start, end = (entity[name] for name in ("word", "start", "end"))
        assert word == text[start:end]
        assert word
        assert not word[0].isspace()
        assert not word[-1].isspace()
        assert 0 < entity["score"] <= 1
        assert start >= ends[-1] or aggregation in ("none", "simple")
        ends.append(end)
    same(found, wild([text, "so", " ".join(SPELLINGS)], aggregation=aggregation)[0])


@pytest.mark.slow
def test_an_entity_far_behind_and_one_behind_an_endless_word_are_found(tag):
    tail = "Ann met Zoë in Rome ."
    filler = "so it is . " * 1900
    found = tag(filler + tail)
    assert [(e["word"], e["start"] - len(filler)) for e in found][-3:] == [
        ("Ann", 0), ("Zoë", 8), ("Rome", 15)
    ]  # fmt: skip
    monster = "x" * 5000
    for before in (f"so it is {monster} . ", f"{monster} "):
        kept = [e for e in tag(before + tail) if e["start"] >= len(before)]
        assert [e["word"] for e in kept] == ["Ann", "Zoë", "Rome"]


@pytest.mark.slow
def test_windows_that_hold_all_of_a_text_change_nothing():
    text = "Zoë met Ann in New York. Bob Ray left"
    wide, narrow = untrained(max_length=60), untrained(max_length=60, stride=0)
    narrow.model_ = wide.model_
    same(wide(text), narrow(text))


@pytest.mark.slow
def test_without_windows_a_long_text_is_an_error_that_names_the_length():
    task = untrained(stride=None)
    with pytest.raises(ValueError, match="max_length=24"):
        task("Ann " * 40)
    assert isinstance(task("Ann"), list)


@pytest.mark.slow
def test_what_is_ignored_can_be_chosen(wild):
    every = untrained(ignore_labels=())
    every.model_ = wild.model_
    text = "Zoë met Ann in New York."
    kinds = {e["entity_group"] for e in every(text, aggregation="simple")}
    assert kinds <= {"O", "PER", "LOC"}
    plain = [e for e in every(text) if e["entity_group"] != "O"]
    same(plain, wild(text))


@pytest.mark.parametrize(
    ("words", "labels", "said"),
    [
        (["a b"], [[(0, 4, "X")]], r"row 0: span .* outside its text of 3 characters"),
        (["a b"], [[(2, 2, "X")]], "empty or outside"),
        (["a b"], [[(1, 2, "X")]], "nothing but white space"),
        (["a b"], [[(0, 3, "X"), (2, 3, "Y")]], "overlap"),
        (["a b"], [[(0, "X")]], "expected a list of spans"),
        (["a b"], [[{"start": 0, "end": 1}]], "expected a list of spans"),
        (["a b", "c"], [[], []], "no row has an entity"),
        ([["a", "b"]], [["O"]], "2 words have 1 tags"),
        ([["a", "b"]], [[3, 4]], "tag 3 is no string"),
        ([["a", "b"]], [["B-X", "C-X"]], "prefix 'C'"),
        ([["a", "b"]], [["B-X", "X"]], "no prefix"),
        ([["a", 3]], [["B-X", "O"]], "holds something else"),
        (["a b"], ["[(0, 1, 'X')]"], "row 0: .* is a string, not a list.*jsonl"),
        ([["a", "b"]], ["B-X O"], "row 0: 'B-X O' is a string, not a list"),
        ([], [], "the table is empty"),
        (["a"], [], "1 rows and 0 lists"),
    ],
)
def test_labels_that_do_not_fit_are_named_before_anything_is_learnt(words, labels, said):
    with pytest.raises(ValueError, match=said):
        TokenClassifier().fit(words, labels)


def test_settings_that_have_no_sense_are_refused():
    with pytest.raises(ValueError, match=r"'tokens' is not in the DataFrame.*text=… and spans=…"):
        TokenClassifier().fit(pd.DataFrame({"words": [["a"]], "tags": [["O"]]}))
    with pytest.raises(ValueError, match="stride=32"):
        TokenClassifier(max_length=20, stride=32).fit(WORDS, TAGS, verbose=0)
    with pytest.raises(ValueError, match="class_weight names 'ORG'"):
        TokenClassifier(class_weight={"ORG": 2}).fit(WORDS, TAGS, verbose=0)
    with pytest.raises(RuntimeError, match="call fit first"):
        TokenClassifier()("Ann")
    with pytest.raises(ValueError, match="aggregation='last'"):
        untrained(aggregation="last")("Ann")


def test_the_first_piece_of_each_word_learns_its_tag_once():
    tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "New", "York", "##er", "s"])
    frame = pd.DataFrame(
        {"text": ["s New Yorker s s s s New"], "spans": [[(2, 12, "X"), (21, 24, "X")]]}
    )
    objective = Entities(stride=2)
    data = DataProcess("text", "spans", objective=objective, tokenizer=tokenizer, max_length=6)
    batches = data.fit(frame).batches(frame, training=False)
    inputs, labels, weights = next(batches.iterate())
    # Pieces: s New York ##er s s s s New, in windows of four that share two.
    assert inputs["token_ids"].tolist() == [
        [2, 7, 4, 5, 6, 3], [2, 5, 6, 7, 7, 3], [2, 7, 7, 7, 7, 3], [2, 7, 7, 4, 3, 0],
    ]  # fmt: skip
    names = [[objective.classes_[i] for i in row] for row in labels.tolist()]
    tagged = [
        (window, place, name)
        for window, row in enumerate(names)
        for place, name in enumerate(row)
        if weights[window, place]
    ]
    assert [name for _, _, name in tagged] == [
        "O", "B-X", "I-X", "O", "O", "O", "O", "B-X"
    ]  # fmt: skip
    assert np.sum(weights) == 8  # one for each word; the second piece of Yorker learns nothing
    assert batches.report.windowed == 1


@pytest.mark.slow
def test_entities_without_a_word_are_counted():
    tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"])
    frame = pd.DataFrame({"text": ["a \u200b a"], "spans": [[(0, 1, "X"), (2, 3, "X")]]})
    data = DataProcess("text", "spans", objective=Entities(), tokenizer=tokenizer)
    batches = data.fit(frame).batches(frame, training=False)
    assert "1 entities without a word of their own" in str(batches.report)


@pytest.mark.slow
@pytest.mark.parametrize("tokenizer", [None, "wordpiece"])
def test_from_scratch_spellings_are_read_in_training_and_in_serving_alike(tokenizer):
    settings = {**SETTINGS, "max_length": 12, "stride": 4, "tokenizer": tokenizer}
    task = TokenClassifier(**settings).fit(WORDS, TAGS, epochs=1, verbose=0, validation=0)
    asked = [" ".join(SPELLINGS), "Köln-3 " * 9, "Ann"]
    frame = pd.DataFrame({"tokens": asked, "tags": [[]] * len(asked)})
    examples = task.data_.batches(frame, training=False).examples
    rows, _ = task.graph().encode(tf.constant(asked))
    width = rows["token_ids"].shape[1]
    inputs, _, _ = examples.batch(np.arange(len(examples)), [width])
    assert inputs["spelling_ids"].max() > 0
    for name in ("token_ids", "spelling_ids"):
        np.testing.assert_array_equal(inputs[name], rows[name], name)
    rows, _ = task.graph().encode(tf.constant([], tf.string))
    assert {tuple(row.shape[:2]) for row in rows.values()} == {(0, 0)}


@pytest.mark.slow
def test_words_never_seen_are_known_by_their_spelling():
    words = [f"{stem}{end}" for stem in "abcdefghij" for end in ("burg", "heim", "en", "t")]
    tags = ["B-LOC" if word.endswith(("burg", "heim")) else "O" for word in words]
    rows, kinds = [[word, "."] for word in words], [[tag, "O"] for tag in tags]
    asked = ["Xyzburg .", "xyzen .", "Qheim ."]
    found = {}
    for spelling in (2000, None):
        task = TokenClassifier({"spelling": spelling}, vocab_size=200, learning_rate=0.01)
        task.fit(rows, kinds, epochs=20, validation=0, verbose=0)
        assert task.data_.objective.spelling == (spelling or 0)
        found[spelling] = [[entity["word"] for entity in row] for row in task(asked)]
    assert found[2000] == [["Xyzburg"], [], ["Qheim"]]


def test_labels_that_a_folder_writes_as_numbers_are_names():
    objective = Entities(known=["1", "2"])
    objective.begin([1, 2])
    assert (objective.types_, objective.classes_, objective.scheme_) == (
        ["1", "2"],
        ["1", "2"],
        "plain",
    )
