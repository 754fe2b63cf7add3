"""The corpus: reproducible, clean, a function from English to German, honestly divided."""

import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from random import Random

import pytest

from tftransformer.data.everyday import everyday_corpus, nearest_neighbour
from tftransformer.data.everyday.corpus import split_of
from tftransformer.data.everyday.sentences import KINDS, sentence


@pytest.fixture(scope="module")
def corpus():
    return everyday_corpus(size=12_000, seed=0)


def test_sizes_and_columns(corpus):
    assert [len(part) for part in corpus] == [12_000, 500, 500]
    assert all(list(part.columns) == ["en", "de"] for part in corpus)


def test_too_small_a_corpus_is_refused():
    with pytest.raises(ValueError, match="at least 5000 rows"):
        everyday_corpus(size=100)


def test_every_sentence_is_new(corpus):
    for side in ("en", "de"):
        together = [text for part in corpus for text in part[side]]
        assert len(set(together)) == len(together)


def test_every_held_out_word_is_known(corpus):
    for side in ("en", "de"):
        words = [
            {w.strip(".,?!").lower() for text in part[side] for w in text.split()}
            for part in corpus
        ]
        assert words[1] <= words[0]
        assert words[2] <= words[0]


def test_english_determines_german():
    rng, known = Random(7), {}
    for _ in range(20_000):
        drawn = sentence(rng)
        assert known.setdefault(drawn.english, drawn.german) == drawn.german


def test_held_out_clauses_do_not_train(corpus):
    """Draw again, with keys: no clause of a test row that is held out is in a training row."""
    rng, keys = Random(0), {}
    for _ in range(40_000):
        drawn = sentence(rng)
        keys.setdefault(drawn.english, drawn.keys)
    splits = ("train", "validation", "test")
    parts = {
        split: [keys[text] for text in part["en"] if text in keys]
        for split, part in zip(splits, corpus, strict=True)
    }
    assert all(
        len(found) >= 0.9 * len(part) for found, part in zip(parts.values(), corpus, strict=True)
    )
    trained = {key for row in parts["train"] for key in row}
    for split in splits[1:]:
        for row in parts[split]:
            assert split_of(row) == split
            assert not {key for key in row if split_of((key,)) == split} & trained
            assert any(split_of((key,)) == split for key in row)


def test_the_same_everywhere():
    code = (
        "import hashlib\n"
        "from tftransformer.data.everyday import everyday_corpus\n"
        "text = ''.join(p.to_csv(index=False) for p in everyday_corpus(5_000, seed=3))\n"
        "print(hashlib.sha256(text.encode()).hexdigest())"
    )
    root = Path(__file__).parents[3]
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()[-1]
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_seeds_differ():
    first, second = everyday_corpus(5_000, seed=1), everyday_corpus(5_000, seed=2)
    assert not set(first.train["en"]) & set(second.test["en"])
    assert first.train["en"][0] != second.train["en"][0]


def test_spelling(corpus):
    for part in corpus:
        for english, german in zip(part["en"], part["de"], strict=True):
            for text in (english, german):
                assert unicodedata.normalize("NFC", text) == text
                assert "  " not in text
                assert text[0].isupper()
                assert re.fullmatch(
                    r"[A-Za-zÄÖÜäöüßé' ]+(, [A-Za-zÄÖÜäöüßé' ]+){0,2}[.?!]", text
                ), text
                assert not re.search(r" [,.?!]|, ?$", text)
            assert english[-1] == german[-1]
            assert not re.search(r"\ba [aeio]|\ban [^aeiou]", english), english
            assert "  " not in german


def test_subordinate_clauses_have_their_comma(corpus):
    for german in corpus.train["de"]:
        assert not re.search(r"[^,] (weil|dass|obwohl|wenn|bevor|während|als|ob) ", german), german


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_makes_many_sentences(kind):
    rng = Random(0)
    assert len({kind(rng).english for _ in range(50)}) > 40


def test_copying_scores_low(corpus):
    copied = nearest_neighbour(corpus.train, corpus.test["en"].tolist())
    assert set(copied) <= set(corpus.train["de"])
    assert not set(copied) & set(corpus.test["de"])
    import sacrebleu

    assert sacrebleu.corpus_bleu(copied, [corpus.test["de"].tolist()]).score < 60


def test_nearest_neighbour_finds_what_it_knows(corpus):
    some = corpus.train.sample(20, random_state=0)
    assert nearest_neighbour(corpus.train, some["en"].tolist()) == some["de"].tolist()
    assert nearest_neighbour(corpus.train, []) == []
