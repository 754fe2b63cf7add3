"""ExtractiveSummarizer."""

import types
from collections.abc import Sequence
from typing import Any, Literal, Self

from tftransformer.core import is_int, require
from tftransformer.heads import SentenceHead
from tftransformer.objectives import Sentences
from tftransformer.tasks.given import Given
from tftransformer.tasks.learners import learn_wordpieces
from tftransformer.tasks.row_task import WindowedTask
from tftransformer.tasks.sentence_graph import SentenceGraph, as_summaries
from tftransformer.tasks.summary_scores import (
    chosen_table,
    lead,
    length_of,
    rouge_f1,
    summary_rows,
)


class ExtractiveSummarizer(WindowedTask):
    """Summarizes a text by choosing some of its sentences.

    A model scores each sentence in its context, by content and position (Liu and Lapata 2019); the
    best ones, in the order of the text, are the summary. It learns from texts with written
    summaries: the sentences that share most with the summary are the ones to choose, see
    `best_sentences`. Texts of any length are read in overlapping windows. `text.sentence_places`
    finds the sentences; to divide a text yourself, put line breaks between them.

    Args:
        model: the model to use or to train further: a folder, or a model with its `tokenizer`; see
            `TextClassifier`. None, or a dict of sizes: a small one, trained from scratch.
        tokenizer: tokenizer of that model, or one to learn, as in `DataProcess`. None: learns
            WordPiece.
        sentences: number of sentences in a summary or, as a float, their share of the text. None:
            as in the summaries that it learnt from.
        max_length: largest number of tokens in a window; default: the limit of the model, or 512
            from scratch.
        stride: number of pieces that neighbouring windows share; "auto": 64, or a quarter of a
            window if that is less.
        vocab_size: largest size of the vocabulary, if a tokenizer is learnt.
        learning_rate: peak of the learning rate; default 0.001 from scratch, else 0.0001.
        batch_size: number of texts, and of windows, computed at once.
        seed: seed of the weights, the order of rows and dropout.

    Attributes:
        length_: number, or share, of sentences in the summaries that it learnt from.

    Example:

    >>> texts = ["Ann left. It rained.", "It rained. Bob met Zoe. It was late."] * 9
    >>> extract = ExtractiveSummarizer(vocab_size=60, max_length=32, stride=8)
    >>> _ = extract.fit(texts, ["Ann left", "Bob met Zoe"] * 9, epochs=1, validation=0, verbose=0)
    >>> extract("It was late. Ann met Bob.")
    {'summary_text': ..., 'score': ..., 'sentences': [{'start': ..., 'end': ..., 'score': ...}]}
    """

    task, said = "extractive_summarizer", "summary_text"
    sizes = types.MappingProxyType({"family": "SentenceModel", "num_layers": 2})
    head, has_own_head = "sentences", True
    named = ("text", "summary")
    default_length = 512
    learn_tokenizer = staticmethod(learn_wordpieces)
    keeps = ("length",)
    length_: int | float = 3

    def __init__(
        self,
        model: Any = None,
        *,
        tokenizer: Any = None,
        sentences: int | float | None = None,
        max_length: int | None = None,
        stride: int | Literal["auto"] = "auto",
        vocab_size: int = 8000,
        learning_rate: float | None = None,
        batch_size: int = 32,
        seed: int = 0,
    ):
        self.model, self.tokenizer, self.sentences = model, tokenizer, sentences
        self.max_length, self.stride, self.vocab_size = max_length, stride, vocab_size
        self.learning_rate, self.batch_size, self.seed = learning_rate, batch_size, seed

    def fit(
        self,
        data: Any,
        summaries: Any = None,
        *,
        text: Any = "text",
        summary: Any = "summary",
        **how: Any,
    ) -> Self:
        """Learns from a DataFrame of texts and summaries, or from texts and `summaries`.

        Args:
            data: the DataFrame, or the texts.
            summaries: one for each text, or several in a list.
            text: name of the column of texts.
            summary: name of the column of summaries.
            **how: `validation`, `epochs` and further arguments of `Task.learn`.
        """
        frame, columns = chosen_table(data, summaries, text, summary)
        if hasattr(how.get("validation"), "columns"):
            how["validation"], _ = chosen_table(how["validation"], None, text, summary)
        self.length_ = length_of(frame[summary])
        return self.learn(frame, columns, **how)

    def objective(self, given: Given, output: str | None) -> Sentences:
        self._number(None)  # raises where the setting has no sense
        if output is None:
            raise ValueError("a model that chooses sentences needs heads of ours: see tt.Bert.")
        return Sentences(stride=self.learning_stride(given), output=output)

    def head_arguments(self) -> SentenceHead:
        return SentenceHead(name=self.head)

    def graph(
        self, max_length: int | None = None, sentences: int | float | None = None
    ) -> SentenceGraph:
        """Returns the graph from texts to sentences.

        Args:
            max_length, sentences: in place of the settings.
        """
        return SentenceGraph(sentences=self._number(sentences), **self.row(max_length))

    def answers(
        self, columns: Sequence[list[str]], sentences: int | float | None = None
    ) -> list[dict[str, Any]]:
        """The summary of each text.

        Args:
            columns: the texts.
            sentences: in place of the setting.

        Returns:
            for each `summary_text`; `score`, the mean of the probabilities of its sentences; and
            `sentences`, in order, with `start`, `end` (in characters, half open) and `score`.
        """
        return self.compute(columns, as_summaries, sentences=sentences)

    def evaluate(
        self,
        data: Any,
        labels: Any = None,
        *,
        baselines: bool = True,
        sentences: int | float | None = None,
    ) -> dict[str, Any]:
        """Summarizes and scores: F1 of ROUGE, see `rouge_scores`.

        Args:
            data: texts, or a DataFrame with the columns that were fitted.
            labels: the reference summaries, one or several for each text, of which the best counts;
                None for a DataFrame, which has them in a column.
            baselines: whether to also score as many of the first sentences of each text: `lead`.
            sentences: in place of the setting.
        """
        texts, true = summary_rows(data, labels, self.fitted().columns)
        found = self.answers(self.columns(texts), sentences=sentences)
        scores: dict[str, Any] = {
            "rows": len(texts),
            **rouge_f1(true, [answer["summary_text"] for answer in found]),
        }
        if baselines:
            counts = [len(answer["sentences"]) for answer in found]
            scores["lead"] = rouge_f1(true, lead(texts, counts))
        return scores

    def _number(self, asked: int | float | None) -> int | float:
        """How many sentences, or which share."""
        for number in (asked, self.sentences):
            if number is not None:
                share = isinstance(number, float) and 0 < number <= 1
                wanted = "an int ≥ 1, or a share, a float up to 1.0"
                require(share or is_int(number, 1), "sentences", number, wanted)
                return number
        return self.length_
