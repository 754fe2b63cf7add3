"""Summarizer."""

from collections.abc import Sequence
from typing import Any, Self, Unpack

from tftransformer.tasks.generation_options import GenerationOptions
from tftransformer.tasks.summary_scores import lead, mean_length, rouge_f1, summary_rows
from tftransformer.tasks.tables import table
from tftransformer.tasks.text_to_text import TextToText
from tftransformer.tasks.writing import Written


class Summarizer(TextToText):
    """Writes summaries of texts; the settings are those of `TextToText`.

    Texts with more than `max_source_length` tokens are truncated, with a count in a warning; in
    training to 512 tokens, unless a length is given. A summary may have twice as many tokens as its
    text, and at least 128, unless a folder or an option sets a limit; `finished` tells whether it
    ended by itself.

    Example:

    >>> summarize = Summarizer({"num_layers": 1, "d_model": 16}, vocab_size=300, max_length=60)
    >>> texts = ["the dog sleeps in the house", "a cat eats in the garden"] * 9
    >>> _ = summarize.fit(texts, ["dog sleeps", "cat eats"] * 9, epochs=1, validation=0, verbose=0)
    >>> summarize("the cat sleeps in the house", max_new_tokens=5)
    {'summary_text': ..., 'score': ..., 'finished': ...}
    """

    task, said = "summarizer", "summary_text"
    kind = "summarization"
    output = "summaries"
    default_length = 512
    cuts_source = True

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
            summaries: summaries of the texts.
            text: name of the column of texts.
            summary: name of the column of summaries.
            epochs: passes over the data.
            **how: `validation` and further arguments of `Task.learn`.
        """
        return self.learn(*table(data, summaries, [text], summary), epochs=epochs, **how)

    def learning_limit(self, positions: int | None) -> int:
        if self.max_source_length is None:
            return super().learning_limit(positions)
        return max(self.max_source_length, self.max_length or 0)

    def answers(
        self, columns: Sequence[list[str]], **options: Unpack[GenerationOptions]
    ) -> list[dict[str, Any]]:
        """The summary of each text.

        Args:
            columns: the texts.
            **options: options of generation, by Hugging Face's names, such as `max_new_tokens`.

        Returns:
            for each `summary_text`, the `score` that the strategy ranks by, and `finished`,
            whether the summary ended by itself rather than at a limit.
        """
        return [*map(self.answer, columns[0], self.best(columns, options))]

    def answer(self, text: str, written: Written) -> dict[str, Any]:
        return {
            "summary_text": written.text,
            "score": written.score,
            "finished": written.finished,
        }

    def evaluate(
        self,
        data: Any,
        labels: Any = None,
        *,
        baselines: bool = True,
        **options: Unpack[GenerationOptions],
    ) -> dict[str, Any]:
        """Summarizes and scores: F1 of ROUGE, see `rouge_scores`.

        Args:
            data: texts, or a DataFrame with the columns that were fitted.
            labels: the reference summaries, one or several for each text, of which the best counts;
                None for a DataFrame, which has them in a column.
            baselines: whether to also score the first sentences of each text, as many as the
                summaries have on average: `lead`.
            **options: options of generation.
        """
        texts, true = summary_rows(data, labels, self.fitted().columns)
        found = [answer["summary_text"] for answer in self.answers(self.columns(texts), **options)]
        scores: dict[str, Any] = {"rows": len(texts), **rouge_f1(true, found)}
        if baselines:
            count = mean_length(true)
            scores["lead"] = {
                "sentences": count,
                **rouge_f1(true, lead(texts, [count] * len(texts))),
            }
        return scores
