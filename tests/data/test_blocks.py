"""Long documents in rows: nothing is lost, nothing is too long, short ones stay as they were."""

import warnings

import numpy as np
import pandas as pd
import pytest

from tftransformer.data import DataProcess, everyday_corpus
from tftransformer.objectives import (
    Classes,
    Joint,
    MaskedTokens,
    ReplacedTokens,
    SequenceToSequence,
    SpanCorruption,
    TranslationLM,
)
from tftransformer.text import Template

SENTENCES = everyday_corpus(size=1000).train["en"].tolist()
NOTHING = "\u200b"  # no white space, of which WordPiece makes no token
HIDDEN = [
    MaskedTokens(),
    MaskedTokens(spans=True),
    MaskedTokens(0.5, whole_words=True),
    ReplacedTokens(),
]
CORRUPTED = [
    SpanCorruption(),
    SpanCorruption(0.5, 1.5),
    SpanCorruption(0.9, 1.0),
    SpanCorruption(0.4, 2.0, sentinels=3),
]
CASES = [(objective, "bpe") for objective in (*CORRUPTED, *HIDDEN)]
CASES += [(objective, "wordpiece") for objective in HIDDEN]  # has no end


def documents():
    """Of 0, 1 and 2 tokens, of some, and of far more than a row holds."""
    long = [" ".join(SENTENCES[start : start + 40]) for start in range(0, 200, 40)]
    odd = ["日本語のテキスト 🤖 naïve Ωμέγα " * 30, "👩‍👩‍👧‍👦" * 50]
    return pd.DataFrame({"text": [NOTHING, "a", "a b", *SENTENCES[:9], *long, *odd, "the end"]})


def processed(objective, frame, tokenizer="wordpiece", **settings):
    settings = {"max_length": 24, "batch_tokens": 192, "vocab_size": 400} | settings
    return DataProcess("text", objective=objective, tokenizer=tokenizer, **settings).fit(frame)


def restored(batches, tokenizer, epoch, objective):
    """What all rows of an epoch were before anything was hidden, by their numbers."""
    rows = {}
    for numbers, (inputs, labels, weights) in zip(
        batches.rows(epoch), batches.iterate(epoch), strict=True
    ):
        for place, number in enumerate(numbers.tolist()):
            assert number not in rows
            if isinstance(objective, SpanCorruption):
                real = labels[place][weights[place] > 0]
                rows[number] = put_back(inputs["source_ids"][place], real, tokenizer, objective)
            else:
                ids = inputs["token_ids"][place].copy()
                known = weights["masked_lm"][place] > 0
                ids[inputs["mask_positions"][place][known]] = labels["masked_lm"][place][known]
                rows[number] = ids[inputs["padding_mask"][place]].tolist()
    return [rows[number] for number in sorted(rows)]


def put_back(source, labels, tokenizer, objective):
    """A source without padding and end, with the spans in the place of their sentinels."""
    sentinels, end = set(objective.sentinel_ids(tokenizer).tolist()), tokenizer.special_ids["end"]
    source = source[: int(np.flatnonzero(source == end)[-1])]
    spans = {}
    assert labels[-1] == end
    for token in labels[:-1].tolist():
        if token in sentinels:
            spans[token] = []
        else:
            spans[list(spans)[-1]].append(token)
    return [part for token in source.tolist() for part in spans.get(token, [token])]


@pytest.mark.slow_after(3)
@pytest.mark.parametrize(("objective", "tokenizer"), CASES)
def test_every_token_of_a_long_document_is_learnt_once_an_epoch(objective, tokenizer):
    frame = documents()
    data = processed(objective, frame, tokenizer)
    batches = data.batches(frame)
    cutter = data.tokenizers[0]
    ids = cutter.encode(frame["text"].tolist()).ids
    expected = ids.values.tolist()
    around = ([], [])
    if not isinstance(objective, SpanCorruption):
        around = data.row_template.ids_around(cutter.special_ids)
    assert batches.examples.lengths.max() <= data.max_length
    whole = objective.examples([ids], [cutter], data.row_template).lengths
    assert batches.report.windowed == (whole > data.max_length).any(axis=1).sum() > 6
    for epoch in (0, 3):
        rows = restored(batches, cutter, epoch, objective)
        assert len(rows) == len(batches.examples) > 2 * len(frame)
        begin, behind = map(len, around)
        for row in rows:
            assert (row[:begin], row[len(row) - behind :]) == around
        text = [row[begin : len(row) - behind] for row in rows]
        assert all(text)
        assert np.concatenate(text).tolist() == expected
        for inputs, labels, _ in batches.iterate(epoch):
            parts = [*inputs.values(), *(labels.values() if isinstance(labels, dict) else [labels])]
            assert max(part.shape[1] for part in parts) <= data.max_length


def assert_same(first, second, epoch=0, start=0):
    pairs = zip(list(first.iterate(epoch))[start:], second, strict=True)
    for one, other in pairs:
        for part, like in zip(one, other, strict=True):
            for name, array in part.items() if isinstance(part, dict) else [("", part)]:
                np.testing.assert_array_equal(array, like[name] if name else like)


@pytest.mark.parametrize(
    "objective",
    [MaskedTokens(), ReplacedTokens(), SpanCorruption()],
    ids=lambda x: type(x).__name__,
)
@pytest.mark.parametrize("sampling_alpha", [0.0, 0.2])
def test_rows_of_short_texts_are_those_of_whole_texts(objective, sampling_alpha):
    frame = pd.DataFrame({"text": ["a", "a b", *SENTENCES[:200]]})
    settings = {"max_length": 128, "sampling_alpha": sampling_alpha, "tokenizer": "bpe"}
    data = processed(objective, frame, **settings)
    whole = processed(objective, frame, **settings, too_long="drop")
    assert (data.too_long, whole.too_long) == ("blocks", "drop")
    for training in (True, False):
        one, other = (each.batches(frame, training) for each in (data, whole))
        assert one.examples.digest() == other.examples.digest()
        for epoch in (0, 2):
            assert_same(one, other.iterate(epoch), epoch)


@pytest.mark.parametrize(
    "objective", [MaskedTokens(), SpanCorruption()], ids=lambda x: type(x).__name__
)
def test_a_text_of_one_token_too_many_makes_two_rows_and_its_neighbours_one(objective):
    data = processed(objective, documents(), "bpe")
    tokenizer = data.tokenizers[0]
    (letter,) = tokenizer.encode(["a"]).ids.tolist()
    assert len(letter) == 1
    counts = {}
    for size in range(1, 60):
        frame = pd.DataFrame({"text": [" ".join("a" * size), "a"]})
        counts[size] = len(data.batches(frame).examples) - 1
    # With two special tokens; or 24 = 26 − 4 + 1 + 1, a span being left out.
    longest = 22 if isinstance(objective, MaskedTokens) else 26
    assert counts == {size: -(-size // longest) for size in counts}


@pytest.mark.parametrize(
    "objective",
    [MaskedTokens(0.3, spans=True), SpanCorruption(0.2)],
    ids=lambda x: type(x).__name__,
)
def test_a_loaded_process_goes_on_within_an_epoch_as_the_first_would_have(objective, tmp_path):
    frame = documents()
    data = processed(objective, frame, "bpe")
    data.save(tmp_path)
    loaded = DataProcess.load(tmp_path)
    assert loaded.too_long == "blocks"
    made, again = data.batches(frame), loaded.batches(frame)
    assert made.examples.digest() == again.examples.digest()
    for epoch, start in ((0, 0), (1, 3)):
        assert_same(made, again.dataset(epoch, start).as_numpy_iterator(), epoch, start)
    first, other = (next(made.iterate(epoch)) for epoch in (0, 1))
    assert any(one.shape != two.shape or (one != two).any()
               for one, two in zip(first[0].values(), other[0].values(), strict=True))  # fmt: skip


def test_sampled_segmentations_of_long_documents_spell_the_same_texts():
    frame = documents()
    data = processed(MaskedTokens(), frame, "unigram", sampling_alpha=0.3)
    batches = data.batches(frame)
    cutter = data.tokenizers[0]
    plain, *drawn = (
        [i for row in restored(made, cutter, epoch, data.objective) for i in row[1:-1]]
        for made, epoch in ((data.batches(frame, training=False), 0), (batches, 0), (batches, 1))
    )
    for ids in drawn:
        assert ids != plain
        assert "".join(cutter.tokens(ids)) == "".join(cutter.tokens(plain))
    assert drawn[0] != drawn[1]


def test_nothing_is_told_to_be_lost_and_what_a_person_says_goes_first():
    frame = documents()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = processed(MaskedTokens(), frame.iloc[1:]).batches(frame.iloc[1:]).report
    count = report.windowed
    assert count > 6
    assert (report.used, report.cut, report.dropped) == (len(frame) - 1, 0, 0)
    assert str(report) == f"19 of 19 rows used; in several windows: {count}"
    with pytest.warns(UserWarning, match=f"cut to the longest allowed: {count}"):
        made = processed(MaskedTokens(), frame, too_long="cut").batches(frame)
    assert len(made.examples) == len(frame) - 1  # one is empty
    count = processed(SpanCorruption(), frame, "bpe").batches(frame).report.windowed
    with pytest.warns(UserWarning, match=f"{count} too long"):
        made = processed(SpanCorruption(), frame, "bpe", too_long="drop").batches(frame)
    assert len(made.examples) == len(frame) - count
    with pytest.raises(ValueError, match=f"{count} rows have more than max_length=24"):
        processed(SpanCorruption(), frame, "bpe", too_long="refuse").batches(frame)
    only = frame.iloc[12:14]
    with pytest.raises(ValueError, match=r"dropped: 2 too long. Raise max_length."):
        processed(SpanCorruption(), frame, "bpe", too_long="drop").batches(only)
    with pytest.raises(ValueError, match="max_length less special tokens"):
        processed(MaskedTokens(), frame, max_length=2).batches(frame)


@pytest.mark.parametrize(
    ("columns", "objective"),
    [
        (("text", "other"), MaskedTokens()),
        (("text", "label"), Joint([MaskedTokens(), Classes(output="classes")])),
        (("text", "other", "languages"), TranslationLM()),
        (("text", "language"), TranslationLM()),
    ],
    ids=["pairs", "labels", "languages", "a language"],
)
def test_texts_with_something_beside_them_are_cut(columns, objective):
    texts = documents()["text"].tolist()[1:]
    beside = {"other": texts[::-1], "label": "xy", "languages": "en-de", "language": "en"}
    frame = pd.DataFrame({"text": texts}).assign(**beside)
    frame["label"] = [*"xy" * len(texts)][: len(texts)]
    data = DataProcess(*columns, objective=objective, tokenizer="wordpiece", vocab_size=400,
                       max_length=24).fit(frame)  # fmt: skip
    assert data.too_long == "cut"
    with pytest.warns(UserWarning, match="cut to the longest allowed"):
        batches = data.batches(frame, training=False)
    assert len(batches.examples) == len(frame)


@pytest.mark.parametrize(
    ("columns", "settings", "message"),
    [
        (2, {"objective": MaskedTokens(), "too_long": "blocks"}, "of MaskedTokens and the columns"),
        (2, {"objective": Classes(), "too_long": "blocks"}, "those of Classes and"),
        (2, {"objective": SequenceToSequence(), "too_long": "blocks"}, "which is then 'drop'"),
        (1, {"objective": SpanCorruption(), "too_long": "cut"}, "which is then 'blocks'"),
    ],
)  # fmt: skip
def test_blocks_are_of_a_text_alone(columns, settings, message):
    with pytest.raises(ValueError, match=message):
        DataProcess(*["text", "other"][:columns], **settings)


def test_blocks_stand_in_the_template_that_was_given():
    frame = documents()
    data = processed(MaskedTokens(), frame, template=Template("cls a sep sep", "cls a sep b sep"))
    rows = restored(data.batches(frame), data.tokenizers[0], 0, data.objective)
    assert max(map(len, rows)) == 24
    special = data.tokenizers[0].special_ids
    assert all(row[0] == special["cls"] and row[-2:] == [special["sep"]] * 2 for row in rows)
