"""DataProcess from end to end: what is learnt, what is dropped, what is saved."""

import json
import os
import pathlib
import shutil

import keras
import numpy as np
import pandas as pd
import pytest

from tftransformer.data import DataProcess, read_table
from tftransformer.models import Transformer
from tftransformer.objectives import Denoising, NextSentence, NextToken
from tftransformer.text import WordPieceTokenizer
from tftransformer.training import Trainer

WORDS = {
    "one": "eins", "red": "rot", "house": "Haus", "tree": "Baum", "small": "klein",
    "green": "grün", "water": "Wasser", "stone": "Stein", "bird": "Vogel", "night": "Nacht",
}  # fmt: skip
SETTINGS = {"vocab_size": 330, "max_length": 60, "batch_tokens": 256}


def pairs(rows=120, seed=0):
    random = np.random.default_rng(seed)
    chosen = [random.choice(list(WORDS), random.integers(1, 8)) for _ in range(rows)]
    texts = [(" ".join(words), " ".join(WORDS[word] for word in words)) for words in chosen]
    return pd.DataFrame(texts, columns=["en", "de"])


def process(*columns, **settings):
    return DataProcess(*columns or ("en", "de"), **SETTINGS | settings)


def texts_of(batches, data):
    """The sentence pairs that an epoch holds, put together from their ids."""
    found = []
    for inputs, labels, weights in batches.iterate():
        real = weights[:, 0] == 1
        source = data.source_tokenizer.decode(inputs["source_ids"][real])
        target = data.target_tokenizer.decode(labels[real])
        found += zip(source, target, strict=True)
    return sorted(found)


def pieces(data):
    return data.source_tokenizer.tokens(range(data.source_tokenizer.vocab_size))


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("tokenizer", ["bpe", "unigram", "wordpiece"])
@pytest.mark.parametrize("shared", [True, False])
def test_sentences_come_back_from_the_batches(tokenizer, shared):
    frame = pairs()
    size = {"bpe": 310, "unigram": 287, "wordpiece": 60}[tokenizer]
    data = process(tokenizer=tokenizer, shared_vocabulary=shared, vocab_size=size).fit(frame)
    assert (data.source_tokenizer is data.target_tokenizer) is shared
    expected = sorted(frame.itertuples(index=False, name=None))
    assert texts_of(data.batches(frame), data) == expected


def test_every_row_that_cannot_be_used_is_counted_and_the_frame_is_left_alone():
    good, data = pairs(), process()
    bad = pd.DataFrame(
        {"en": ["a", None, " ", "x", "tree " * 99], "de": ["", "b", "c", pd.NA, "Baum"]}
    )
    frame = pd.concat([bad, good]).set_index(np.r_[["same"] * 6, good.index[1:]].astype(object))
    before = frame.copy(deep=True)
    data.fit(frame)
    with pytest.warns(UserWarning, match="120 of 125 rows used.*2 missing, 2 empty, 1 too long"):
        made = data.batches(frame)
    assert (made.report.given, made.report.used, made.report.dropped) == (125, 120, 5)
    assert texts_of(made, data) == sorted(good.itertuples(index=False, name=None))
    train, test = data.train_test_split(frame)
    assert len(train) + len(test) == 125
    pd.testing.assert_frame_equal(frame, before)


def test_text_that_normalises_to_nothing_counts_as_empty():
    data = process(normalization="nmt_nfkc").fit(pairs())
    frame = pd.concat([pairs(), pd.DataFrame({"en": ["\u200b"], "de": ["Baum"]})])
    with pytest.warns(UserWarning, match="1 empty"):
        assert data.batches(frame).report.empty == 1


def test_max_length_counts_the_start_or_end_token():
    frame = pairs()
    lengths = process().fit(frame).batches(frame).examples.lengths
    longest = int(lengths.max())
    exact = process(max_length=longest).fit(frame)
    assert exact.batches(frame).report.too_long == 0
    shorter = process(max_length=longest - 1).fit(frame)
    with pytest.warns(UserWarning, match="too long"):
        report = shorter.batches(frame).report
    assert report.too_long == (lengths == longest).any(axis=1).sum()
    with pytest.raises(ValueError, match=r"no row is left to use: 0 of 120 rows used"):
        process(max_length=1).fit(frame).batches(frame)


def test_the_split_is_seeded_and_keeps_equal_sources_together():
    frame = pairs(rows=60)
    frame = pd.concat([frame, frame.assign(de="anders")], ignore_index=True)
    train, test = process().train_test_split(frame, 0.25)
    assert len(train) + len(test) == len(frame)
    assert not set(train.en) & set(test.en)
    assert 0.15 < len(test) / len(frame) < 0.35
    pd.testing.assert_frame_equal(test, frame.loc[test.index])
    again = process().train_test_split(frame, 0.25)[1]
    other = process(seed=1).train_test_split(frame, 0.25)[1]
    assert again.index.equals(test.index)
    assert not other.index.equals(test.index)
    indexed = frame.set_index("en", drop=False)
    assert process().train_test_split(indexed, 0.25)[1].index.tolist() == test.en.tolist()


@pytest.mark.parametrize(("rows", "size"), [(1, 0.1), (60, 0), (60, 1.0), (60, "a tenth")])
def test_a_split_that_leaves_a_side_empty_is_told(rows, size):
    with pytest.raises(
        ValueError, match=f"{size!r} of {rows} different texts.* cannot be held out"
    ):
        process().train_test_split(pairs(3 * rows).drop_duplicates("en").head(rows), size)


def test_numbers_of_numpy_are_saved(tmp_path):
    settings = {"max_length": np.int64(64), "sampling_alpha": np.float32(0.5)}
    process(**settings).fit(pairs()).save(tmp_path)
    loaded = DataProcess.load(tmp_path)
    assert (loaded.max_length, loaded.sampling_alpha) == (64, 0.5)


def test_prepare_learns_from_the_training_rows_alone():
    frame = pairs()
    data = process(seed=3)
    train, validation = data.prepare(frame, test_size=0.2)
    train_rows, test_rows = data.train_test_split(frame, 0.2)
    other = process(seed=3).fit(train_rows)
    assert pieces(other) == pieces(data)
    assert texts_of(train, data) == sorted(train_rows.itertuples(index=False, name=None))
    assert texts_of(validation, data) == sorted(test_rows.itertuples(index=False, name=None))
    assert train.training
    assert not validation.training


def test_sampling_cuts_anew_each_epoch_and_loses_nothing():
    frame = pairs()
    data = process(sampling_alpha=0.3).fit(frame)
    made = data.batches(frame)
    expected = sorted(frame.itertuples(index=False, name=None))
    assert texts_of(made, data) == expected
    tokens = [sum(int(w.sum()) for _, _, w in made.iterate(epoch)) for epoch in range(3)]
    plain = sum(int(w.sum()) for _, _, w in data.batches(frame, training=False).iterate())
    assert len(set(tokens)) > 1
    assert min(tokens) > plain
    again = data.batches(frame)
    for one, other in zip(made.iterate(2), again.iterate(2), strict=True):
        np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.slow
def test_a_run_on_sampled_segmentations_resumes_exactly(tmp_path):
    frame = pairs(60)
    data = process(vocab_size=310, sampling_alpha=0.3, batch_tokens=128).fit(frame)

    def train(directory, **options):
        keras.utils.set_random_seed(1)
        model = Transformer(1, 8, 2, 16, vocab_size=310, dropout=0.1)
        trainer = Trainer(
            model, data.batches(frame), epochs=3, directory=directory, verbose=0, **options
        )
        trainer.train()
        return model

    whole = train(tmp_path / "whole")
    per_epoch = data.batches(frame).count(1)
    train(tmp_path / "stopped", steps=per_epoch + 2)
    resumed = train(tmp_path / "stopped", resume=True)
    for one, other in zip(whole.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)


@pytest.mark.parametrize(("tokenizer", "size"), [("bpe", 310), ("wordpiece", 60)])
def test_rare_characters_get_pieces_under_full_coverage_alone(tokenizer, size):
    frame = pd.concat([pairs(), pd.DataFrame({"en": ["þ tree"], "de": ["þ Baum"]})])

    def has_piece(**options):
        data = process(tokenizer=tokenizer, vocab_size=size, **options).fit(frame)
        return any("þ" in piece for piece in pieces(data))

    assert has_piece(character_coverage=1.0)
    assert not has_piece(character_coverage=0.99)


@pytest.mark.parametrize("shared", [True, False])
def test_a_loaded_process_makes_the_same_batches(tmp_path, shared):
    frame = pairs()
    data = process("de", "en", shared_vocabulary=shared, vocab_size=320).fit(frame)
    data.save(tmp_path / "new" / "folder")
    loaded = DataProcess.load(tmp_path / "new" / "folder")
    assert loaded.get_config() == data.get_config()
    assert (loaded.source_tokenizer is loaded.target_tokenizer) is shared
    for one, other in zip(
        data.batches(frame).iterate(1), loaded.batches(frame).iterate(1), strict=True
    ):
        np.testing.assert_array_equal(one[0]["source_ids"], other[0]["source_ids"])
        np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.slow
def test_each_column_may_have_something_of_its_own_that_learns(tmp_path):
    def letters(texts, size):
        return WordPieceTokenizer.learn(texts, 60, character_coverage=1.0)

    frame = pairs()
    data = process(tokenizer=("bpe", letters), vocab_size=310).fit(frame)
    alone = process(tokenizer="bpe", shared_vocabulary=False, vocab_size=310).fit(frame)
    assert pieces(data) == pieces(alone)
    assert isinstance(data.target_tokenizer, WordPieceTokenizer)
    data.save(tmp_path)
    assert isinstance(DataProcess.load(tmp_path).target_tokenizer, WordPieceTokenizer)
    with pytest.raises(ValueError, match="3 tokenizers were given for 2 columns"):
        process(tokenizer=("bpe", "bpe", letters))
    with pytest.raises(TypeError, match="of which all are given, or none"):
        process(tokenizer=("bpe", data.target_tokenizer))


def test_a_save_over_an_older_one_is_all_or_nothing(tmp_path, monkeypatch):
    older, newer = process().fit(pairs()), process(vocab_size=320).fit(pairs(seed=9))
    (tmp_path / "of the user.txt").write_text("stays")
    older.save(tmp_path)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tftransformer.data.process.os.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            newer.save(tmp_path)
    loaded = DataProcess.load(tmp_path)
    assert loaded.source_tokenizer.vocabulary() == older.source_tokenizer.vocabulary()

    newer.save(tmp_path)
    loaded = DataProcess.load(tmp_path)
    assert loaded.source_tokenizer.vocabulary() == newer.source_tokenizer.vocabulary()
    assert len(list(tmp_path.glob("vocabulary-*"))) == 1
    assert (tmp_path / "of the user.txt").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "format 99; this version reads 2"),
        ({"settings": {"colour": "red"}}, "cannot be read"),
        ({"colour": "red"}, "colour"),
        ({"tokenizer": "none"}, "tokenizer='none' was given; expected one of"),
        ({"learnt": {"colour_": "red", "__class__": 1}}, "nothing that SequenceToSequence learns"),
        ({"vocabulary": None}, "cannot be read"),
    ],
)
def test_a_damaged_save_is_named(tmp_path, change, message):
    process().fit(pairs()).save(tmp_path)
    path = tmp_path / "data_process.json"
    saved = json.loads(path.read_text())
    name = next(iter(change))
    (saved if name in saved else saved["settings"]).update(change)
    path.write_text(json.dumps(saved))
    with pytest.raises(ValueError, match=message):
        DataProcess.load(tmp_path)
    path.write_text('{"format": 1')
    with pytest.raises(ValueError, match="cannot be read"):
        DataProcess.load(tmp_path)


def test_a_save_without_vocabulary_or_settings_is_named(tmp_path):
    process().fit(pairs()).save(tmp_path)
    shutil.rmtree(next(tmp_path.glob("vocabulary-*")))
    with pytest.raises(FileNotFoundError, match="vocabulary-"):
        DataProcess.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="not a saved DataProcess"):
        DataProcess.load(tmp_path / "elsewhere")


@pytest.mark.parametrize("objective", [NextToken(), Denoising(), NextSentence()])
def test_texts_that_are_laid_once_are_not_said_to_be_sampled(objective):
    with pytest.raises(ValueError, match=rf"sampling_alpha=0.1: {type(objective).__name__} cuts"):
        process("en", objective=objective, sampling_alpha=0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tokenizer": "words"}, "tokenizer='words' was given; expected one of"),
        ({"tokenizer": "wordpiece", "sampling_alpha": 0.1}, "neither samples nor normalises"),
        ({"tokenizer": "wordpiece", "normalization": "nfkc"}, "neither samples nor normalises"),
        ({"batch_tokens": 50}, "batch_tokens=50 leaves no room .* max_length=60"),
        ({"max_shapes": 0}, "max_shapes=0 was given; expected an int ≥ 1"),
        ({"seed": -1}, "seed=-1 was given; expected an int ≥ 0"),
        ({"seed": 2**32}, "less than"),
        ({"vocab_size": "8k"}, "vocab_size='8k' was given; expected an int"),
        ({"max_length": None}, "max_length=None was given; expected an int"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        process(**settings)


@pytest.mark.parametrize("columns", [("en", "en"), ("en",), ("en", "de", "fr"), ()])
def test_columns_are_two_different_ones(columns):
    with pytest.raises(ValueError, match=r"named twice|takes two columns.*it was given"):
        DataProcess(*columns)


@pytest.mark.parametrize("name", [None, 1.5, ("a", None), ()])
def test_columns_have_plain_names(name):
    with pytest.raises(TypeError, match=r"named by a string, an int, or a tuple"):
        DataProcess("en", name)


def test_columns_of_a_multiindex_are_named_as_they_stand_there(tmp_path):
    frame = pairs()
    frame.columns = pd.MultiIndex.from_tuples([("text", "en"), ("text", "de")])
    with pytest.raises(ValueError, match=r"as they stand there") as caught:
        process().fit(frame)
    assert "('text', 'en')" in str(caught.value)
    data = process(("text", "en"), ("text", "de")).fit(frame)
    data.save(tmp_path)
    loaded = DataProcess.load(tmp_path)
    assert loaded.columns == (("text", "en"), ("text", "de"))
    expected = sorted(pairs().itertuples(index=False, name=None))
    assert texts_of(loaded.batches(frame), loaded) == expected


def test_without_a_vocabulary_one_is_asked_for():
    for use in (lambda d: d.batches(pairs()), lambda d: d.target_tokenizer, lambda d: d.save("x")):
        with pytest.raises(RuntimeError, match=r"call fit\(frame\) first"):
            use(process())


def test_a_wrong_frame_is_refused_before_anything_is_learnt():
    frame = pairs().rename(columns={"de": "ger"})
    for use in (process().fit, process().train_test_split, process().prepare):
        with pytest.raises(ValueError, match=r"'de' is not in the DataFrame .*'en', 'ger'"):
            use(frame)
        with pytest.raises(TypeError, match=r"row 1 .* type int"):
            use(pd.DataFrame({"en": ["a", 1], "de": ["b", "c"]}))


DATA = pathlib.Path(os.environ.get("TFTRANSFORMER_DATA_ROOT", "no such folder"))
MULTI30K = DATA / "multi30k" / "train.tsv.gz"


@pytest.mark.slow
@pytest.mark.skipif(not MULTI30K.exists(), reason="TFTRANSFORMER_DATA_ROOT has no multi30k")
def test_multi30k_wastes_little():
    frame = read_table(MULTI30K)
    data = DataProcess("en", "de", vocab_size=8000, batch_tokens=4096).fit(frame)
    made = data.batches(frame)
    assert made.report.used == made.report.given == 29_000
    assert len(made.shapes) <= 64
    assert made.padding <= 0.05
    assert sorted(np.concatenate(made.rows(1))) == list(range(29_000))
