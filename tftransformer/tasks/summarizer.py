"""Summarizer."""

from collections.abc import Sequence
from typing import Any, Self

from tftransformer.data import take_columns
from tftransformer.scores import rouge_scores
from tftransformer.tasks.tables import table, with_index
from tftransformer.tasks.text_to_text import TextToText
from tftransformer.text.sentences import first_sentences


class Summarizer(TextToText):
    """Writes what a text says in fewer words; the settings are those of `TextToText`.

    Of texts with more than `max_source_length` tokens the beginnings are read, with a count in a
    warning. A summary may have twice as many tokens as its text, and 128 in any case, unless a
    folder or an option sets a limit; `finished` says whether it ended of its own.

    Example:

    >>> summarize = Summarizer({"num_layers": 1, "d_model": 16}, vocab_size=300, max_length=60)
    >>> texts = ["the dog sleeps in the house", "a cat eats in the garden"] * 9
    >>> _ = summarize.fit(texts, ["dog sleeps", "cat eats"] * 9, epochs=1, validation=0, verbose=0)
    >>> summarize("the cat sleeps in the house", max_new_tokens=5)
    {'summary_text': ..., 'score': ..., 'finished': ...}
    """

    task = "summarizer"
    kind = "summarization"
    output = "summaries"

    def fit(
        self,
        data: Any,
        summaries: Any = None,
        *,
        text: Any = "text",
        summary: Any = "summary",
        epochs: int = 30,
        **how: Any,
    ) -> Self:
        """Learns from a DataFrame of texts and summaries, or from texts and `summaries`.

        Args:
            data: the DataFrame, or the texts.
            summaries: of the texts.
            text: name of the column of texts.
            summary: name of the column of summaries.
            epochs: passes over the data.
            **how: `validation` and what else `Task.learn` takes.
        """
        return self.learn(*table(data, summaries, [text], summary), epochs=epochs, **how)

    def answers(self, columns: Sequence[list[str]], **options: Any) -> list[dict[str, Any]]:
        """The summary of each text.

        Args:
            columns: the texts.
            **options: of generation, by Hugging Face's names, such as `max_new_tokens`.

        Returns:
            for each `summary_text`, the `score` that the strategy ranks by, and `finished`,
            whether the summary ended of its own: else a limit cut it.
        """
        return [
            {"summary_text": best.text, "score": best.score, "finished": best.finished}
            for best, *_ in self._n_best(columns, options)
        ]

    def predict(self, texts: Any) -> Any:
        """The summaries alone: a list, or of a Series or DataFrame a Series with its index."""
        found = self.answers(self.columns(texts))
        return with_index([answer["summary_text"] for answer in found], texts)

    def evaluate(
        self, data: Any, labels: Any = None, *, baselines: bool = True, **options: Any
    ) -> dict[str, Any]:
        """Summarizes and scores: F1 of ROUGE, see `rouge_scores`.

        Args:
            data: texts; or a DataFrame with the columns that were fitted.
            labels: what the summaries should be; of a DataFrame its column.
            baselines: whether to score beside it the first sentences of each text, as many as the
                summaries have on average: `lead`.
            **options: of generation.
        """
        columns: Any = self.fitted().columns
        if labels is None:
            (data, labels), _ = take_columns(data, columns)
        texts, true = list(data), list(labels)
        found = [answer["summary_text"] for answer in self.answers(self.columns(texts), **options)]
        scores: dict[str, Any] = {"rows": len(texts), **_rouge(true, found)}
        if baselines:
            count = max(1, round(sum(len(first_sentences(t)) for t in true) / len(true)))
            lead = [" ".join(first_sentences(text, count)) for text in texts]
            scores["lead"] = {"sentences": count, **_rouge(true, lead)}
        return scores


def _rouge(true: Sequence[str], found: Sequence[str]) -> dict[str, float]:
    """The F1 of each kind, of which the longest subsequence comes first: what is compared."""
    scores = {kind: figures["f1"] for kind, figures in rouge_scores(true, found).items()}
    return {kind: scores[kind] for kind in ("rougeL", "rouge1", "rouge2", "rougeLsum")}
