"""The embedded corpus: clean, without duplicates, labelled, and what copying gets of it."""

import re
import unicodedata

import pytest

from tftransformer.data import everyday_corpus, nearest_neighbour


@pytest.fixture(scope="module")
def corpus():
    return everyday_corpus()


def test_sizes_and_columns(corpus):
    assert [len(part) for part in corpus] == [20_000, 500, 500]
    assert all(list(part.columns) == ["en", "de", "tense", "kind"] for part in corpus)
    assert all(list(part.index) == list(range(len(part))) for part in corpus)


def test_a_smaller_corpus_is_the_beginning(corpus):
    small = everyday_corpus(size=70)
    assert small.train.equals(corpus.train.head(70))
    assert small.test.equals(corpus.test)


@pytest.mark.parametrize("size", [0, 20_001])
def test_a_size_that_it_has_not_is_refused(size):
    with pytest.raises(ValueError, match=r"20,000 training rows.*corpus/make\.py"):
        everyday_corpus(size=size)


def test_frames_are_the_callers_own(corpus):
    test = everyday_corpus().test
    test.loc[0, "en"] = "changed"
    assert everyday_corpus().test.equals(corpus.test)


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


def test_labels_are_known_and_each_is_in_each_part(corpus):
    for part in corpus:
        assert set(part["tense"]) == {"present", "past", "future"}
        assert set(part["kind"]) == set(corpus.train["kind"])
    assert corpus.train["kind"].nunique() == 18


def test_labels_fit_the_texts(corpus):
    """The tense, as a few words of the English tell it for sure; the kind, as marks do."""
    rows = corpus.train
    will = rows["en"].str.contains(r"\b[Ww]ill\b") & rows["kind"].isin(["statement", "question"])
    assert set(rows["tense"][will]) == {"future"}
    did = rows["en"].str.contains(r"^Did |\bdid not\b") & rows["kind"].isin(["statement", "reason"])
    assert set(rows["tense"][did]) == {"past"}
    going = rows["en"].str.contains(r"^I am |^We are ") & (rows["kind"] == "statement")
    assert set(rows["tense"][going]) <= {"present"}
    assert (rows["en"].str.endswith("!") == (rows["kind"] == "imperative")).all()
    assert rows["en"][rows["kind"].str.endswith("question")].str.endswith("?").all()


def test_spelling(corpus):
    for part in corpus:
        for english, german in zip(part["en"], part["de"], strict=True):
            for text in (english, german):
                assert unicodedata.normalize("NFC", text) == text
                assert text[0].isupper()
                assert re.fullmatch(
                    r"[A-Za-zÄÖÜäöüßé']+( [A-Za-zÄÖÜäöüßé']+|, [A-Za-zÄÖÜäöüßé']+)*[.?!]", text
                ), text
            assert english[-1] == german[-1]
            assert not re.search(r"\ba [aeio]|\ban [^aeiou]", english), english


def test_subordinate_clauses_have_their_comma(corpus):
    for german in corpus.train["de"]:
        assert not re.search(r"[^,] (weil|dass|obwohl|wenn|bevor|während|als|ob) ", german), german


@pytest.mark.slow
def test_copying_scores_low(corpus):
    copied = nearest_neighbour(corpus.train, corpus.test["en"].tolist())
    assert set(copied) <= set(corpus.train["de"])
    assert not set(copied) & set(corpus.test["de"])
    import sacrebleu

    assert sacrebleu.corpus_bleu(copied, [corpus.test["de"].tolist()]).score < 60


def test_nearest_neighbour_finds_what_it_knows(corpus):
    some = corpus.train.head(3000).sample(20, random_state=0)
    assert nearest_neighbour(corpus.train.head(3000), some["en"].tolist()) == some["de"].tolist()
    assert nearest_neighbour(corpus.train, []) == []
