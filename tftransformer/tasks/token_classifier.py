"""TokenClassifier."""

import types
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, Literal, Self

from tftransformer.core.tags import PREFIXES
from tftransformer.objectives import Entities
from tftransformer.tasks.entity_graph import EntityGraph, as_entities, check_entities
from tftransformer.tasks.given import Given
from tftransformer.tasks.tables import with_words_joined
from tftransformer.tasks.tag_scores import evaluation
from tftransformer.tasks.tagged_texts import as_spans, tagged, tags_of, words_as_text
from tftransformer.tasks.word_task import WordTask
from tftransformer.text import GivenWords


class TokenClassifier(WordTask):
    """Finds entities in texts, or labels words: names, places, parts of speech and so on.

    Texts of any length are read in overlapping windows, and each word is predicted in the window
    where it is most central; see `EntityGraph` for how entities are made from words. After `fit`
    the words of a text get the jointly most probable labels, given how often one label followed
    another in training.

    Args:
        model: the model to use or to train further: a folder, or a model with its `tokenizer`; see
            `TextClassifier`. None, or a dict of sizes: a small one, trained from scratch, which
            reads the spelling and the neighbours of words: see `spelling` and `neighbours` of
            `SentenceModel`.
        tokenizer: tokenizer of that model, or one to learn, as in `DataProcess`. None: whole words,
            separated from punctuation marks, or WordPiece if the model reads no spellings.
        scheme: scheme of the tags: "IOB1", "IOB2", "BIOES" or "plain". None: recognised from the
            tags that it is fitted with, and given in the report; IOB2 for spans.
        aggregation: "none", "simple", "first", "average" or "max".
        ignore_labels: types that do not count as entities.
        class_weight: "balanced", or the weight of a word of each type; see `Entities`.
        judge_by: what the best epoch is chosen by: "loss", "accuracy" or "macro_f1".
        max_length: largest number of tokens in a window; default: the limit of the model, or 128
            from scratch.
        stride: number of pieces that neighbouring windows share; "auto": 32, or a quarter of a
            window if that is less. None: no windows, and a text that is too long is an error.
        vocab_size: largest size of the vocabulary, if a tokenizer is learnt.
        learning_rate: peak of the learning rate; default 0.001 from scratch, else 0.0001.
        batch_size: number of texts, and of windows, computed at once.
        seed: seed of the weights, the order of rows and dropout.

    Example:

    >>> texts = ["Ann met Bob", "Bob left"] * 9
    >>> spans = [[(0, 3, "PER"), (8, 11, "PER")], [(0, 3, "PER")]] * 9
    >>> tag = TokenClassifier(vocab_size=40)
    >>> tag.fit(texts, spans, epochs=1, validation=0, verbose=0)("Ann left")
    [...]
    """

    task = "token_classifier"
    sizes = types.MappingProxyType(
        {"family": "SentenceModel", "num_layers": 2, "neighbours": 1, "spelling": 20_000}
    )
    column = "entities"
    named = ("text", "spans")
    ways = (("tokens", "tags"), ("text", "spans"))

    def __init__(
        self,
        model: Any = None,
        *,
        tokenizer: Any = None,
        scheme: str | None = None,
        aggregation: str = "first",
        ignore_labels: Collection[str] = ("O",),
        class_weight: Mapping[Hashable, float] | str | None = None,
        judge_by: str = "macro_f1",
        max_length: int | None = None,
        stride: int | Literal["auto"] | None = "auto",
        vocab_size: int = 8000,
        learning_rate: float | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ):
        self.model, self.tokenizer, self.scheme = model, tokenizer, scheme
        self.aggregation, self.ignore_labels = aggregation, ignore_labels
        self.class_weight, self.judge_by = class_weight, judge_by
        self.max_length, self.stride, self.vocab_size = max_length, stride, vocab_size
        self.learning_rate, self.batch_size, self.seed = learning_rate, batch_size, seed

    def fit(
        self,
        data: Any,
        labels: Any = None,
        *,
        tokens: Any = "tokens",
        tags: Any = "tags",
        text: Any = None,
        spans: Any = "spans",
        **how: Any,
    ) -> Self:
        """Learns from words and their tags, or from texts and the spans of their entities.

        Args:
            data: a DataFrame; or lists of words, or texts.
            labels: the tags, for lists of words; the spans, for texts.
            tokens: name of the column of lists of words, which are joined by spaces to a text.
            tags: name of the column of lists of tags.
            text: name of the column of texts, if there are no lists of words.
            spans: name of the column of spans, lists of (start, end, type) in characters, half
                open, or of dicts with these keys; the type may also be called `label` or
                `entity_group`.
            **how: `validation`, `epochs` and further arguments of `Task.learn`.
        """
        names = (tokens, tags) if text is None else (text, spans)
        frame, self._scheme = tagged(data, labels, *names, self.scheme)
        validation = how.get("validation")
        if hasattr(validation, "columns"):
            how["validation"], _ = tagged(validation, None, *names, self._scheme)
        return self.learn(frame, list(names), **how)

    def objective(self, given: Given, output: str | None) -> Entities:
        check_entities(self.aggregation, self.ignore_labels)
        return Entities(
            getattr(self, "_scheme", self.scheme),
            stride=self.learning_stride(given),
            class_weight=self.class_weight,
            known=[str(label) for label in given.labels(self.head) or ()],
            spelling=self.spelling(),
            output=output,
            judge_by=self.judge_by,
        )

    @property
    def classes_(self) -> list[Any]:
        """The types of entities."""
        return list(self.fitted().objective.types_)

    def graph(
        self,
        max_length: int | None = None,
        aggregation: str | None = None,
        given_words: bool = False,
    ) -> EntityGraph:
        """Returns the graph from texts to entities.

        Args:
            max_length, aggregation: in place of the settings.
            given_words: whether words are separated by spaces alone.
        """
        objective = self.fitted().objective
        return EntityGraph(
            labels=objective.classes_,
            prefixed=objective.scheme_ in PREFIXES,
            aggregation=aggregation or self.aggregation,
            ignored=self.ignore_labels,
            neighbours=getattr(objective, "neighbours_", None),
            given_words=given_words,
            **self.row(max_length),
        )

    def columns(self, texts: Any) -> list[list[str]]:
        """Returns the texts, joined from words if rows are lists of words."""
        return super().columns(with_words_joined(texts, self.text_columns(), words_as_text))

    def answers(
        self, columns: Sequence[list[str]], aggregation: str | None = None
    ) -> list[list[dict[str, Any]]]:
        """Returns the entities of each text: `entity_group`, `score`, `word`, `start`, `end`.

        Args:
            columns: the texts.
            aggregation: in place of the setting.
        """
        types = {str(kind): kind for kind in self.classes_}
        found: list[Any] = [[]] * len(columns[0])
        for given in (False, True):
            rows = [i for i, x in enumerate(columns[0]) if isinstance(x, GivenWords) == given]
            how: dict[str, Any] = {
                "aggregation": aggregation or self.aggregation,
                "given_words": given,
            }
            some = self.compute(columns, as_entities, rows, **how)
            for i in rows:
                found[i] = some[i]
        for entity in (entity for row in found for entity in row):
            if "id" in entity:
                entity["piece"] = self.data_.tokenizers[0].tokens([entity.pop("id")])[0]
            name = entity["entity_group"]
            entity["entity_group"] = types.get(name, name)
        return found

    def alone(self, columns: Sequence[list[str]]) -> list[Any]:
        """Returns the tags of each list of words, or the spans of each text, (start, end, type)."""
        scheme = self.fitted().objective.scheme_
        return [
            tags_of(text, as_spans(row), scheme) if isinstance(text, GivenWords) else as_spans(row)
            for text, row in zip(*columns, self.answers(columns), strict=True)
        ]

    def evaluate(self, data: Any, labels: Any = None, *, baselines: bool = True) -> dict[str, Any]:
        """Precision, recall and F1 of whole entities, overall (`f1`) and by type (`types`).

        After `fit` also those of two baselines: the most frequent tag of each word (`majority`) and
        a `linear` model on words, their letters and their neighbours.
        """
        names = self.fitted().columns
        text, spans = names
        frame, _ = tagged(data, labels, text, spans, self.data_.objective.scheme_)
        return evaluation(self, frame, names, baselines)
