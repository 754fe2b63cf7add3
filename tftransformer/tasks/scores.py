"""How good translations are."""

from collections.abc import Sequence


def translation_scores(
    hypotheses: Sequence[str], references: Sequence[str], tokenize: str = "13a"
) -> dict[str, float | str]:
    """Scores translations against one reference each, with sacrebleu (Post 2018).

    Args:
        hypotheses: translations.
        references: what they should be, in the same order.
        tokenize: tokenisation of BLEU: "13a" for plain text, "none" for text that is
            tokenised already.

    Returns:
        dict of `bleu` (Papineni et al. 2002) and `chrf` (Popović 2015), both 0 to 100, and their
        signatures `bleu_signature` and `chrf_signature`.

    Raises:
        ValueError: if there is nothing to score, not one reference for each hypothesis, or no
            such tokenisation.
    """
    check_scoring(len(hypotheses), references, tokenize)
    from sacrebleu.metrics import BLEU, CHRF

    scores: dict[str, float | str] = {}
    for name, metric in (("bleu", BLEU(tokenize=tokenize)), ("chrf", CHRF())):
        scores[name] = metric.corpus_score(list(hypotheses), [list(references)]).score
        scores[f"{name}_signature"] = str(metric.get_signature())
    return scores


def check_scoring(count: int, references: Sequence[str], tokenize: str) -> None:
    """Raises a ValueError where `count` hypotheses could not be scored so."""
    from sacrebleu.metrics import BLEU

    if count != len(references) or not count:
        raise ValueError(
            f"{count} hypotheses and {len(references)} references: each hypothesis "
            "needs one reference, and at least one is needed."
        )
    for index, reference in enumerate(references):
        if not isinstance(reference, str):
            raise ValueError(f"references[{index}] is {reference!r}, not a string.")
    if tokenize not in BLEU.TOKENIZERS:
        raise ValueError(f"tokenize={tokenize!r}: expected one of {', '.join(BLEU.TOKENIZERS)}.")
    BLEU(tokenize=tokenize)  # raises where this tokenisation wants a package that is not there
