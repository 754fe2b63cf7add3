"""Scores of translations."""

from collections.abc import Sequence
from typing import Any

from tftransformer.core import check_choice

METRICS = ("bleu", "chrf", "chrf+", "chrf++", "ter")
SMOOTHING = ("exp", "floor", "add-k", "none")


def translation_scores(
    hypotheses: Sequence[str],
    references: Sequence[str] | Sequence[Sequence[str]],
    tokenize: str = "13a",
    *,
    metrics: Sequence[str] = ("bleu", "chrf"),
    lowercase: bool = False,
    max_ngram_order: int = 4,
    smooth_method: str = "exp",
    smooth_value: float | None = None,
) -> dict[str, float | str]:
    """Scores translations against one or several references each, with sacrebleu (Post 2018).

    Args:
        hypotheses: translations.
        references: references in the same order, a string or several for each.
        tokenize: tokenisation of BLEU: "13a" for plain text, "none" for text that is
            tokenised already, "intl", "char", "zh", …
        metrics: names of "bleu" (Papineni et al. 2002), "chrf" (Popović 2015), "chrf+" and
            "chrf++" (Popović 2017: with words, and pairs of words, beside the characters), "ter"
            (Snover et al. 2006: edits, so that less is better; it never looks at case).
        lowercase: whether BLEU and chrF ignore case.
        max_ngram_order: longest n-grams of BLEU.
        smooth_method: what BLEU does if an order has no match: "exp", "floor", "add-k" or "none"
            (Chen & Cherry 2014).
        smooth_value: the number that "floor" and "add-k" use.

    Returns:
        dict of the metrics' corpus scores by their names, 0 to 100 ("ter" may be more), and
        their signatures as `bleu_signature`, `chrf_signature`, …

    Raises:
        ValueError: if there is nothing to score, a hypothesis has no reference, or an option is
            not known.

    Example:
        >>> scores = translation_scores(["A dog sleeps."], [["A dog sleeps.", "A dog is asleep."]])
        >>> round(scores["bleu"], 2), scores["bleu_signature"][:18]
        (100.0, 'nrefs:2|case:mixed')
    """
    check_scoring(len(hypotheses), references, tokenize)
    for name in metrics:
        if name not in METRICS:
            raise ValueError(f"metrics={name!r}: expected names of {', '.join(METRICS)}.")
    made: dict[str, Any] = {}
    for name in metrics:
        if name == "bleu":
            made[name] = _bleu(
                tokenize=tokenize,
                lowercase=lowercase,
                max_ngram_order=max_ngram_order,
                smooth_method=smooth_method,
                smooth_value=smooth_value,
            )
        else:
            made[name] = _character_or_edit_metric(name, lowercase)
    scores: dict[str, float | str] = {}
    streams = _streams(references)
    for name, metric in made.items():
        scores[name] = metric.corpus_score(list(hypotheses), streams).score
        scores[f"{name}_signature"] = str(metric.get_signature())
    return scores


def sentence_bleu(
    hypotheses: Sequence[str],
    references: Sequence[str] | Sequence[Sequence[str]],
    tokenize: str = "13a",
    *,
    lowercase: bool = False,
) -> list[float]:
    """BLEU of each translation, over the n-gram orders that it is long enough for.

    Args:
        hypotheses: translations.
        references: references in the same order, a string or several for each.
        tokenize: tokenisation; see `translation_scores`.
        lowercase: whether case counts.

    Returns:
        A number from 0 to 100 for each, smoothed ("exp"), with effective order. Their mean is not
        the BLEU of the corpus.

    Raises:
        ValueError: as `translation_scores`.

    Example:
        >>> [round(score, 1) for score in sentence_bleu(["a", "hello world"], ["a", "Hello world"])]
        [100.0, 50.0]
    """
    check_scoring(len(hypotheses), references, tokenize)
    metric = _bleu(tokenize=tokenize, lowercase=lowercase, effective_order=True)
    rows = zip(hypotheses, references, strict=True)
    return [
        metric.sentence_score(hypothesis, [given] if isinstance(given, str) else list(given)).score
        for hypothesis, given in rows
    ]


def check_scoring(
    count: int, references: Sequence[str] | Sequence[Sequence[str]], tokenize: str
) -> None:
    """Raises a ValueError where `count` hypotheses could not be scored so."""
    from sacrebleu.metrics import BLEU

    if count != len(references) or not count:
        raise ValueError(
            f"{count} hypotheses and {len(references)} references: each hypothesis "
            "needs one reference, and at least one is needed."
        )
    for index, given in enumerate(references):
        several = [given] if isinstance(given, str) else given
        if not (isinstance(several, (list, tuple)) and several):
            raise ValueError(f"references[{index}] is {given!r}, not a string nor a list of them.")
        if not all(isinstance(reference, str) for reference in several):
            raise ValueError(f"references[{index}] is {given!r}: expected strings alone.")
    check_choice(BLEU.TOKENIZERS, tokenize=tokenize)
    BLEU(tokenize=tokenize)  # raises where this tokenisation wants a package that is not there


def _bleu(**options: Any) -> Any:
    from sacrebleu.metrics import BLEU

    check_choice(SMOOTHING, smooth_method=options.get("smooth_method", "exp"))
    return BLEU(**options)


def _character_or_edit_metric(name: str, lowercase: bool) -> Any:
    from sacrebleu.metrics import CHRF, TER

    if name == "ter":
        return TER()
    return CHRF(word_order=name.count("+"), lowercase=lowercase)


def _streams(references: Sequence[str] | Sequence[Sequence[str]]) -> list[list[str | None]]:
    """References as sacrebleu wants them: all first ones, all second ones, … (None: no more)."""
    several = [[given] if isinstance(given, str) else list(given) for given in references]
    most = max(map(len, several))
    padded = [[*row, *[None] * (most - len(row))] for row in several]
    return [list(stream) for stream in zip(*padded, strict=True)]
