"""ROUGE: how much of a reference a summary contains."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import fmean

from tftransformer.scores.porter import stem
from tftransformer.scores.ratios import check_text, matching_rows, of_counts

ROUGES = ("rouge1", "rouge2", "rougeL", "rougeLsum")


def rouge_scores(
    true: Sequence[str] | Sequence[Sequence[str]],
    predicted: Sequence[str],
    *,
    stemmed: bool = False,
    kinds: Sequence[str] = ROUGES,
) -> dict[str, dict[str, float]]:
    """Scores summaries by the words they share with their references (Lin 2004).

    A word is a run of a–z and 0–9 of the lower-cased text, as in rouge-score: letters with accents
    separate words, and text without Latin letters has no words. `rougeN` counts N-grams, `rougeL`
    the longest common subsequence of all words; `rougeLsum` the words of each sentence of the
    reference that are in such a subsequence with any sentence of the summary, each word as often as
    both have it. Sentences are lines: texts without line breaks are one sentence.

    Args:
        true: a reference for each summary, or several, of which the best one (by F1, for each
            kind) counts.
        predicted: the summaries.
        stemmed: whether endings of English words of four letters and more are cut off before
            (Porter 1980).
        kinds: names of "rouge1" … "rouge9", "rougeL" and "rougeLsum".

    Returns:
        for each kind `precision`, `recall` and `f1`, the means over all summaries, from 0 to 1.

    Raises:
        ValueError: if the sides differ in length, nothing is to be scored, a text is no string
            or there is no such kind.

    Example:
        >>> scores = rouge_scores(["the cat sat on the mat"], ["the cat on the mat"])
        >>> round(scores["rouge2"]["f1"], 3), round(scores["rougeL"]["recall"], 3)
        (0.667, 0.833)
    """
    true, predicted = matching_rows(true, predicted, "texts")
    for kind in kinds:
        if not re.fullmatch("rouge([1-9]|L|Lsum)", kind):
            raise ValueError(f"kinds={kind!r}: expected rouge1 … rouge9, rougeL or rougeLsum.")
    rows = []
    for row, (given, summary) in enumerate(zip(true, predicted, strict=True)):
        references = [given] if isinstance(given, str) or not given else given
        for name, text in [("predicted", summary), *(("true", text) for text in references)]:
            check_text(name, row, text)
        scored = [_scores(text, summary, kinds, stemmed) for text in references]
        rows.append([max((some[kind] for some in scored), key=lambda x: x["f1"]) for kind in kinds])
    return {
        kind: {
            key: fmean(scores[key] for scores in column) for key in ("precision", "recall", "f1")
        }
        for kind, column in zip(kinds, zip(*rows, strict=True), strict=True)
    }


def best_sentences(sentences: Sequence[str], references: Sequence[str]) -> list[int]:
    """Greedily chooses the sentences that cover a reference best (Nallapati et al. 2017, §3.1).

    Each step takes the sentence that raises the sum of the F1 of `rouge1` and `rouge2` most, the
    first among equals, until none raises it.

    Args:
        sentences: sentences of a text.
        references: summaries; the best one counts at each step.

    Returns:
        numbers of the sentences, in order.

    Example:
        >>> best_sentences(["It rains.", "The cat sat on a mat.", "The mat."], ["a cat on a mat"])
        [1]
    """
    kinds = [
        _Gained(sentences, reference, size) for reference in references for size in (1, 2)
    ]  # two of each reference
    chosen: list[int] = []
    most = 0.0
    while True:
        best = None
        for number in range(len(sentences)):
            if number not in chosen:
                scores = [kind.with_sentence(number) for kind in kinds]
                score = max(map(sum, zip(scores[::2], scores[1::2], strict=True)))
                if score > most:
                    best, most = number, score
        if best is None:
            return sorted(chosen)
        chosen.append(best)
        for kind in kinds:
            kind.take(best)


class _Gained:
    """What a growing choice of sentences shares with a reference, in N-grams of one size."""

    def __init__(self, sentences: Sequence[str], reference: str, size: int):
        self.left = _grams(_words(reference, False), size)
        self.size, self.hits = self.left.total(), 0
        grams = [_grams(_words(sentence, False), size) for sentence in sentences]
        self.sizes = [own.total() for own in grams]
        self.shared = [{g: n for g, n in own.items() if g in self.left} for own in grams]

    def with_sentence(self, number: int) -> float:
        """F1 with one more sentence."""
        left = self.left
        hits = self.hits + sum(min(n, left[gram]) for gram, n in self.shared[number].items())
        size = self.size + self.sizes[number]
        return 2 * hits / size if size else 0.0

    def take(self, number: int) -> None:
        """Adds a sentence."""
        self.hits += sum(min(n, self.left[gram]) for gram, n in self.shared[number].items())
        self.size += self.sizes[number]
        for gram, n in self.shared[number].items():
            self.left[gram] = max(0, self.left[gram] - n)


def _scores(
    reference: str, summary: str, kinds: Sequence[str], stemmed: bool
) -> dict[str, dict[str, float]]:
    texts = [[_words(line, stemmed) for line in text.split("\n")] for text in (reference, summary)]
    true, predicted = ([word for line in lines for word in line] for lines in texts)
    scores = {}
    for kind in kinds:
        size = 1
        if kind == "rougeLsum":
            matched = _union_matches(*texts)
        elif kind == "rougeL":
            matched = common_length(true, predicted)
        else:
            size = int(kind[-1])
            matched = (_grams(true, size) & _grams(predicted, size)).total()
        counts = (max(len(words) - size + 1, 0) for words in (predicted, true))
        scores[kind] = of_counts(matched, *counts)
    return scores


def _words(text: str, stemmed: bool) -> list[str]:
    words = re.findall("[a-z0-9]+", text.lower())
    return [stem(word) if len(word) > 3 else word for word in words] if stemmed else words


def _grams(words: Sequence[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[start:] for start in range(size)), strict=False))


def common_length(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence.

    >>> common_length("abcde", "xaxcxe")
    3
    """
    last = 0
    for last in _grown(one, other):  # noqa: B007
        pass
    return last.bit_count()


def _grown(one: Sequence[str], other: Sequence[str]) -> Iterator[int]:
    """Where the common subsequence of `one` with ever more of `other` grows.

    Bit i of each number says whether the longest common subsequence of the first i + 1 of `one`
    with what has been read of `other` is longer than that of the first i. All of a row of the
    usual table is one addition of long integers (Crochemore et al. 2001; Hyyrö 2004).
    """
    places: dict[str, int] = {}
    for index, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << index
    everything = (1 << len(one)) - 1
    flat = everything  # the complement of what is yielded
    for word in other:
        hits = flat & places.get(word, 0)
        flat = ((flat + hits) | (flat - hits)) & everything
        yield everything & ~flat


def _common_places(one: Sequence[str], other: Sequence[str]) -> set[int]:
    """Where the words of one longest common subsequence stand in `one`.

    Of several such subsequences the reference takes that which reading the table from its end
    finds first; which it is decides what `rougeLsum` counts.
    """
    rows = list(_grown(one, other))
    places = set()
    i, j = len(one) - 1, len(other) - 1
    while i >= 0 and j >= 0:
        if one[i] == other[j]:
            places.add(i)
            i, j = i - 1, j - 1
        elif rows[j] >> i & 1:  # longer with word i than without it, so word j is not needed
            j -= 1
        else:
            i -= 1
    return places


def _union_matches(true: list[list[str]], predicted: list[list[str]]) -> int:
    """Words of the reference's sentences in a common subsequence with any sentence of the other."""
    left, other_left = (
        Counter(word for line in lines for word in line) for lines in (true, predicted)
    )
    matched = 0
    for sentence in true:
        places = set().union(*(_common_places(sentence, other) for other in predicted))
        for place in sorted(places):
            word = sentence[place]
            if left[word] > 0 and other_left[word] > 0:
                matched += 1
                left[word] -= 1
                other_left[word] -= 1
    return matched
