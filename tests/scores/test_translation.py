"""Scores of translations: names, several references, errors."""

import pytest
import sacrebleu

from tftransformer.scores import sentence_bleu, translation_scores

FOUND = ["The dog sleeps in the house.", "A cat and two birds sang."]
MEANT = ["The dog is sleeping in a house.", "A cat and two birds sang a song."]
OTHER = ["The dog sleeps in a house.", "One cat and two birds sang."]


def test_each_metric_stands_beside_its_signature():
    scores = translation_scores(FOUND, MEANT, metrics=("bleu", "chrf", "chrf+", "chrf++", "ter"))
    assert scores["bleu"] == sacrebleu.corpus_bleu(FOUND, [MEANT]).score
    assert scores["chrf++"] == sacrebleu.corpus_chrf(FOUND, [MEANT], word_order=2).score
    assert scores["ter"] == sacrebleu.corpus_ter(FOUND, [MEANT]).score
    for name, part in (("chrf", "nw:0"), ("chrf+", "nw:1"), ("chrf++", "nw:2"), ("ter", "tok:")):
        assert part in scores[f"{name}_signature"]


def test_a_second_reference_counts_and_may_be_missing():
    one, two = (translation_scores(FOUND, rows)["bleu"] for rows in (MEANT, OTHER))
    both = translation_scores(FOUND, list(zip(MEANT, OTHER, strict=True)))
    assert both["bleu"] > max(one, two)
    assert "nrefs:2" in both["bleu_signature"]
    some = translation_scores(FOUND, [[MEANT[0], OTHER[0]], MEANT[1]])
    assert one < some["bleu"] < both["bleu"]


def test_case_counts_unless_lowered():
    upper = [text.upper() for text in MEANT]
    assert translation_scores(upper, MEANT)["bleu"] < 10
    lowered = translation_scores(upper, MEANT, lowercase=True)
    assert [lowered["bleu"], lowered["chrf"]] == pytest.approx([100, 100])
    assert sentence_bleu(upper, MEANT, lowercase=True) == pytest.approx([100, 100])


def test_one_sentence_is_scored_over_the_orders_that_it_has():
    assert sentence_bleu(["a", "A dog"], ["a", ["The dog", "A dog"]]) == pytest.approx([100, 100])


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((["a"], []), {}, "1 hypotheses and 0 references"),
        (([], []), {}, "at least one"),
        ((["a"], [[]]), {}, r"references\[0\] is \[\]"),
        ((["a"], [None]), {}, r"references\[0\] is None"),
        ((["a", "b"], ["a", ["b", 3]]), {}, r"references\[1\] is \['b', 3\]"),
        ((["a"], ["a"]), {"metrics": ["meteor"]}, "metrics='meteor'"),
        ((["a"], ["a"]), {"tokenize": "words"}, "tokenize='words'"),
        ((["a"], ["a"]), {"smooth_method": "more"}, "smooth_method='more'"),
    ],
)
def test_what_cannot_be_scored_is_named(arguments, options, said):
    with pytest.raises(ValueError, match=said):
        translation_scores(*arguments, **options)
