"""Scores of entities."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tftransformer.core.tags import tags_to_spans
from tftransformer.scores.ratios import matching_rows, mean_of, of_counts, ratio


def entity_scores(
    true: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    *,
    mode: str = "lenient",
    scheme: str | None = None,
) -> dict[str, dict | float]:
    """Scores entities: an entity is right if its type, first word and last word are.

    The lenient reading is that of CoNLL's script (Tjong Kim Sang & De Meulder 2003); see
    `tags_to_spans`.

    Args:
        true: a list of tags for each sentence.
        predicted: the predicted tags.
        mode: "lenient" or "strict".
        scheme: "IOB1", "IOB2", "IOBES" (also called "BIOES") or "plain"; "lenient" can do
            without one.

    Returns:
        dict of `types` (for each type that occurs on either side: `precision`, `recall`, `f1`,
        `support`, the number of true ones), `micro` (all entities alike), `macro` (mean of the
        types), `weighted` (their mean by support), each with `precision`, `recall` and `f1`, and
        `tag_accuracy`. From 0 to 1; 0 if there is nothing to divide by.

    Raises:
        ValueError: if a sentence does not have a tag for each word on both sides, a tag is not
            of the scheme, or there is no sentence.

    Example:
        >>> true = [["B-PER", "I-PER", "O", "B-LOC"]]
        >>> entity_scores(true, [["B-PER", "I-PER", "O", "B-ORG"]])["micro"]["f1"]
        0.5
    """
    true, predicted = matching_rows(true, predicted, "lists of tags")
    words = equal = 0
    spans: tuple[list[Any], list[Any]] = [], []
    for row, (one, other) in enumerate(zip(true, predicted, strict=True)):
        if len(one) != len(other):
            raise ValueError(
                f"Sentence {row} has {len(one)} true tags and {len(other)} predicted ones."
            )
        words += len(one)
        equal += sum(a == b for a, b in zip(one, other, strict=True))
        try:
            for found, tags in zip(spans, (one, other), strict=True):
                found.append(tags_to_spans(tags, mode=mode, scheme=scheme))
        except ValueError as error:
            raise ValueError(f"Sentence {row}: {error}") from error
    return {**span_scores(*spans), "tag_accuracy": ratio(equal, words)}


def span_scores(
    true: Sequence[Iterable[tuple]], predicted: Sequence[Iterable[tuple]]
) -> dict[str, dict]:
    """Scores entities as spans: a span is right if it is among the true ones.

    Args:
        true: the spans of each text: (type, start, end), of words or of characters.
        predicted: the predicted spans of each text.

    Returns:
        what `entity_scores` returns, but for `tag_accuracy`.

    Raises:
        ValueError: if the sides differ in length, or there is no text.
    """
    true, predicted = matching_rows(true, predicted, "lists of spans")
    meant, found, matched = Counter[Any](), Counter[Any](), Counter[Any]()
    for one, other in zip(true, predicted, strict=True):
        right, given = set(one), set(other)
        for counts, spans in ((meant, right), (found, given), (matched, right & given)):
            counts.update(kind for kind, _, _ in spans)
    types = {
        kind: {**of_counts(matched[kind], found[kind], meant[kind]), "support": meant[kind]}
        for kind in sorted(meant | found, key=str)
    }
    return {
        "types": types,
        "micro": of_counts(matched.total(), found.total(), meant.total()),
        "macro": mean_of(types.values()),
        "weighted": mean_of(types.values(), [meant[kind] for kind in types]),
    }
