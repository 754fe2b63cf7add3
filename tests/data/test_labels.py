"""DataProcess with labels: tokenizers of all kinds, long texts, stratified splits, saving."""

import functools

import numpy as np
import pandas as pd
import pytest

from tftransformer.data import DataProcess
from tftransformer.objectives import Classes, Numbers
from tftransformer.text import SentencePieceTokenizer, Template, WordPieceTokenizer

WORDS = ["one", "red", "house", "tree", "small", "green", "water", "stone", "bird", "night"]


def frame(rows=90, classes=("bad", "good", "odd")):
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(WORDS, random.integers(1, 9))) + f" {i}" for i in range(rows)]
    return pd.DataFrame({
        "text": texts,
        "other": texts[::-1],
        "label": [classes[i % 9 % len(classes)] for i in range(rows)],
    })  # fmt: skip


def process(*columns, objective=None, **settings):
    return DataProcess(
        *columns or ("text", "label"),
        objective=objective or Classes(),
        **{"tokenizer": "wordpiece", "vocab_size": 60} | settings,
    )


def rows_of(batches, data):
    """Text and label of each row, put together from the batches."""
    found = []
    for inputs, labels, weights in batches.iterate():
        texts = data.source_tokenizer.decode(inputs["token_ids"][weights > 0])
        names = data.objective.labels_of(np.eye(len(data.objective.classes_))[labels[weights > 0]])
        found += zip(texts, names, strict=True)
    return sorted(found)


@functools.cache
def tokenizer():
    return WordPieceTokenizer.learn(frame().text.tolist(), 60)


TOKENIZERS = {
    "name": {},
    "one": {"tokenizer": tokenizer, "vocab_size": 8000},
    "one for each": {"tokenizer": lambda: [tokenizer()], "vocab_size": 8000},
    "class": {"tokenizer": lambda: WordPieceTokenizer},
    "function": {
        "tokenizer": lambda: (
            lambda texts, size: SentencePieceTokenizer.learn(texts, 300, kind="bpe")
        )
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("given", TOKENIZERS)
def test_texts_and_labels_come_back_whoever_cuts_them(given, tmp_path):
    settings = dict(TOKENIZERS[given])
    if "tokenizer" in settings:
        settings["tokenizer"] = settings["tokenizer"]()
    table = frame()
    data = process(**settings)
    assert not data.is_fitted
    with pytest.raises(RuntimeError, match=r"no (labels|vocabulary) yet"):
        data.batches(table)
    data.fit(table)
    expected = sorted(zip(table.text, table.label, strict=True))
    made = data.batches(table)
    assert rows_of(made, data) == expected
    data.save(tmp_path)
    loaded = DataProcess.load(tmp_path)
    assert loaded.objective.classes_ == ["bad", "good", "odd"]
    assert loaded.get_config() == data.get_config()
    assert rows_of(loaded.batches(table), loaded) == expected
    assert loaded.batches(table).fingerprint == made.fingerprint


@pytest.mark.slow
def test_two_texts_are_joined_by_the_template_that_fits_the_tokenizer():
    table = frame()
    data = process("text", "other", "label").fit(table)
    for template in (None, Template("start a end", "start a end b:1 end:1")):
        data.template = template
        inputs, _, _ = next(data.batches(table, training=False).iterate())
        special = data.source_tokenizer.special_ids
        first, second = (data.source_tokenizer.encode(table[c][:90]).ids for c in ("text", "other"))
        rows = data.batches(table, training=False).rows()[0]
        begins = special["start"] if template or "cls" not in special else special["cls"]
        assert (inputs["token_ids"][:, 0] == begins).all()
        lengths = first.lengths[rows] + second.lengths[rows] + 3
        assert (inputs["padding_mask"].sum(axis=1)[: len(rows)] == lengths).all()
        if template:
            ones = inputs["segment_ids"].sum(axis=1)[: len(rows)]
            assert (ones == second.lengths[rows] + 1).all()


@pytest.mark.slow
def test_long_texts_are_cut_dropped_or_refused_and_never_in_silence():
    table = frame()
    whole = process().fit(table).batches(table, training=False).examples.lengths
    longest = int(whole.max()) - 1
    count = int((whole > longest).sum())
    with pytest.warns(
        UserWarning, match=f"90 of 90 rows used; cut to the longest allowed: {count}"
    ):
        made = process(max_length=longest).fit(table).batches(table, training=False)
    assert made.examples.lengths.max() == longest
    assert len(made.examples) == 90
    with pytest.warns(UserWarning, match=f"dropped: {count} too long"):
        made = process(max_length=longest, too_long="drop").fit(table).batches(table)
    assert len(made.examples) == 90 - count
    with pytest.raises(ValueError, match=f"{count} rows have more than max_length={longest}"):
        process(max_length=longest, too_long="refuse").fit(table).batches(table)
    with pytest.raises(ValueError, match="SequenceToSequence cannot be cut"):
        DataProcess("text", "other", too_long="cut")


@pytest.mark.parametrize("classes", [("bad", "good", "odd"), (True, False), (1, 2, 2, 2)])
def test_both_sides_of_a_split_keep_the_shares_of_the_classes(classes):
    table = frame(classes=classes)
    train, test = process().train_test_split(table, 0.3)
    assert len(train) + len(test) == len(table)
    for side in (train, test):
        shares = side.label.value_counts(normalize=True)
        expected = table.label.value_counts(normalize=True)
        assert (shares - expected).abs().max() < 0.04
    assert not set(train.text) & set(test.text)


def test_a_class_of_one_text_is_for_training_and_is_named():
    table = frame()
    table.loc[5, "label"] = "lonely"
    with pytest.warns(UserWarning, match="one text alone has the label 'lonely': it is for train"):
        train, test = process().train_test_split(table, 0.3)
    assert 5 in train.index
    assert len(train) + len(test) == len(table)
    assert len(test) == 27
    shares = [side["label"].drop(5, errors="ignore").value_counts() for side in (train, test)]
    assert (shares[0] / shares[0].sum() - shares[1] / shares[1].sum()).abs().max() < 0.04
    with pytest.raises(ValueError, match=r"one text alone has the label .* or .*: it cannot stand"):
        process().train_test_split(table.drop_duplicates("label"), 0.3)


@pytest.mark.slow
def test_rows_without_a_label_are_left_out_and_counted():
    table = frame()
    table.loc[[3, 7], "label"] = None
    data = process()
    train, test = data.train_test_split(table, 0.3)
    assert len(train) + len(test) == 90
    with pytest.warns(UserWarning, match="88 of 90 rows used; dropped: 2 missing"):
        made = data.fit(table).batches(table)
    assert len(rows_of(made, data)) == 88


@pytest.mark.slow
def test_several_labels_and_numbers_stand_in_cells_of_the_table():
    table = frame()
    several = table.assign(label=[["a"], ["b", "a"], [], {"c"}] * 22 + [["a"], ["c"]])
    train, validation = process(objective=Classes(several=True)).prepare(several, 0.3)
    assert next(train.iterate())[1].shape[1] == 3
    assert train.objective.classes_ == ["a", "b", "c"]
    arrays = table.assign(label=[np.array(["a", "b"])] * 45 + [np.array(["a"])] * 45)
    assert process(objective=Classes(several=True)).fit(arrays).objective.classes_ == ["a", "b"]
    train, validation = process(objective=Numbers()).prepare(table.assign(label=range(90)), 10)
    labels = np.concatenate([labels[weights > 0] for _, labels, weights in validation.iterate()])
    assert labels.dtype == np.float32
    assert labels.shape == (10, 1)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"tokenizer": 5}, TypeError, "tokenizer=5: expected one of"),
        ({"tokenizer": [5]}, TypeError, "expected one of"),
        ({"tokenizer": "given"}, ValueError, "vocab_size=60 is for vocabularies that are learnt"),
        ({"tokenizer": "two", "vocab_size": 8000}, ValueError, "2 tokenizers were given for 1"),
        ({"shared_vocabulary": False}, ValueError, "Classes makes one row of its texts"),
        ({"too_long": "window"}, ValueError, "too_long='window' was given; expected one of"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, error, message):
    given = {"given": tokenizer(), "two": [tokenizer()] * 2}
    name = settings.get("tokenizer")
    if isinstance(name, str) and name in given:
        settings = settings | {"tokenizer": given[name]}
    with pytest.raises(error, match=message):
        process(**settings)


@pytest.mark.slow
def test_a_fingerprint_knows_rows_order_vocabulary_and_objective():
    table = frame()

    def of(rows=table, objective=None, tokenizer="wordpiece", **settings):
        data = process(objective=objective, **{"tokenizer": tokenizer} | settings).fit(table)
        return data.batches(rows).fingerprint

    others = [
        of(rows=table.iloc[::-1]),
        of(rows=table.assign(label=table.label[::-1].to_numpy())),
        of(seed=1),
        of(batch_tokens=512),
        of(vocab_size=59),
        of(objective=Classes(class_weight="balanced")),
        of(objective=Classes(judge_by="accuracy")),
    ]
    assert len({of(), *others}) == 8
    assert of() == of()
