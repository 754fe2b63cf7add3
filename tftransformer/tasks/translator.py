"""Translator."""

import os
import pathlib
import types
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import keras
import numpy as np

from tftransformer.core import unallocated
from tftransformer.data import DataProcess, nearest_neighbour, take_columns
from tftransformer.data.saving import as_name
from tftransformer.decoding import BeamSearch
from tftransformer.models import Transformer
from tftransformer.objectives import SequenceToSequence
from tftransformer.scores.translation import check_scoring, translation_scores
from tftransformer.serving import write_ctranslate2
from tftransformer.tasks.alignment import Alignment, alignment_of
from tftransformer.tasks.checks import (
    check_number,
    check_settings,
    check_special_ids,
    check_vocabularies,
)
from tftransformer.tasks.given import Given, given_model, positions_of
from tftransformer.tasks.tables import table
from tftransformer.tasks.task import Task
from tftransformer.tasks.translation_graph import TranslationGraph
from tftransformer.text import load_tokenizer
from tftransformer.training import InverseSquareRootSchedule

FORMATS, WEIGHTS = ("saved_model", "ctranslate2"), ("float32", "bfloat16", "int8")
TOKENIZERS = "source_tokenizer", "target_tokenizer"
# What columns are called where nothing was fitted.
COLUMNS = "source", "target"
# Most tokens of a source in an export, where neither model nor person sets a limit: what attention
# costs grows with the square of the length, and a server takes what strangers send.
SERVED_LENGTH = 512


class Translation(NamedTuple):
    """One translation of a text.

    Attributes:
        text: the translation.
        score: what the strategy ranks by; for beam search the log-probability divided by the
            length penalty.
    """

    text: str
    score: float


class Translator(Task):
    """Translates texts.

    With a trained model and its tokenizers it is ready at once; `fit` trains it further. Without
    them `fit` learns both from scratch.

    Args:
        model: a trained model with `start_decoding`, such as `Transformer`, or a folder of one that
            Hugging Face's library wrote. Or, to train one from scratch, arguments of `Transformer`
            that differ from `sizes`, such as `{"num_layers": 2}`.
        tokenizers: of a trained model: whatever has a `source_tokenizer` and a `target_tokenizer`,
            such as the `DataProcess` that it was trained with. Else what is to be learnt, as
            `DataProcess` has it; default "bpe".
        strategy: how to decode; default `BeamSearch()`. For several translations of each text:
            `BeamSearch(num_return=4)`.
        max_length: most tokens of a translation, the end token included, and in training of a
            text on either side; default 128, or as many positions as the model knows.
        max_source_length: most tokens of a source, the end token included; what is longer is cut
            off, which is warned of. Default: as many positions as the model knows, if it has a
            limit.
        processors: see `tftransformer.decoding`.
        batch_size: texts translated at once.
        parallel: parts of a batch that are translated at the same time, here and in exports that
            XLA does not compile. With a thread for each operation and one of them for each part
            (`TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=2`) two parts on two cores take less
            time than one on both; without these settings they take as much.
        vocab_size: pieces of the vocabulary that is learnt.
        sampling_alpha: how often training cuts words anew at random, such as 0.1; see
            `DataProcess`.
        batch_tokens: most tokens of a batch in training, on one side.
        label_smoothing: of the loss.
        learning_rate: highest one; default 0.004 from scratch, else 0.0005.
        warmup_steps: updates until then.
        seed: of weights, order and dropout.

    Example:

    >>> translate = Translator({"num_layers": 1, "d_model": 16}, vocab_size=500, max_length=60)
    >>> pairs = tt.everyday_corpus(size=1000).train
    >>> translate.fit(pairs, source="en", target="de", epochs=1, verbose=0)("The dog sleeps.")
    '...'
    """

    task = "translator"
    given = ("model", "tokenizers")
    readers = dict.fromkeys(TOKENIZERS, load_tokenizer)
    limit = "max_source_length"
    column = "translation_text"
    # Norms before the sublayers learn faster than after where data are few.
    sizes = types.MappingProxyType(
        dict(num_layers=4, d_model=128, num_heads=4, dff=256, norm="pre", dropout=0.2)  # noqa: C408
    )

    def __init__(
        self,
        model: Any = None,
        tokenizers: Any = None,
        strategy: Any = None,
        max_length: int | None = None,
        max_source_length: int | None = None,
        processors: Sequence[Any] = (),
        batch_size: int = 32,
        parallel: int = 1,
        *,
        vocab_size: int = 8000,
        sampling_alpha: float = 0.0,
        batch_tokens: int = 2048,
        label_smoothing: float = 0.1,
        learning_rate: float | None = None,
        warmup_steps: int = 1000,
        seed: int = 0,
    ):
        self.model, self.tokenizers, self.strategy = model, tokenizers, strategy
        self.max_length, self.max_source_length = max_length, max_source_length
        self.processors, self.batch_size, self.parallel = tuple(processors), batch_size, parallel
        self.vocab_size, self.sampling_alpha = vocab_size, sampling_alpha
        self.batch_tokens, self.label_smoothing = batch_tokens, label_smoothing
        self.learning_rate, self.warmup_steps, self.seed = learning_rate, warmup_steps, seed
        if self._is_trained and hasattr(tokenizers, "source_tokenizer"):
            self.data_, self.model_ = _data_of(tokenizers), self.read_given().model
            self.max_length, self.max_source_length = self._limits()  # of this model
            self.graph()  # raises where something does not fit

    def fit(
        self,
        data: Any,
        targets: Any = None,
        *,
        source: Any = "en",
        target: Any = "de",
        epochs: int = 30,
        **how: Any,
    ) -> Self:
        """Learns from a DataFrame of sentence pairs, or from texts and their translations.

        Args:
            data: the DataFrame, or the texts.
            targets: the translations.
            source: name of the column to translate from.
            target: name of the column to translate to.
            epochs: passes over the data.
            **how: `validation`, `minutes`, `directory`, `resume` and what else `Task.learn` takes.
                With a directory, of the best epoch and the average of the last ones the model takes
                what validates better; without one it ends as training does.
        """
        return self.learn(*table(data, targets, [source], target), epochs=epochs, **how)

    def read_given(self) -> Given:
        return Given(given_model(self.model) if self._is_trained else None)

    def process(self, columns: Sequence[Any]) -> DataProcess:
        check_settings(self)
        if self._is_trained:
            if not hasattr(self.tokenizers, "source_tokenizer"):
                raise ValueError(
                    f"tokenizers={self.tokenizers!r}: a model needs the tokenizers that it was "
                    "trained with."
                )
            model, known = self._given.model, _data_of(self.tokenizers)
            options: dict[str, Any] = {"tokenizer": known.tokenizers}
            check_vocabularies(model, known)
        else:
            options = {"tokenizer": self.tokenizers or "bpe", "vocab_size": self.vocab_size}
            options["sampling_alpha"] = self.sampling_alpha
            with unallocated():  # for its checks alone: how many pieces there are is not known yet
                model = Transformer(vocab_size=self.vocab_size, **self.sizes_from_scratch)
        self.make_optimizer(10**6)  # raises where a rate has no sense
        return DataProcess(
            *columns,
            objective=SequenceToSequence(self.label_smoothing),
            max_length=self.max_length or min(128, positions_of(model) or 128),
            batch_tokens=self.batch_tokens,
            seed=self.seed,
            **options,
        )

    def make_model(self) -> Any:
        if self._given.model is not None:
            return self._given.model
        source, target = self.data_.tokenizers
        sizes = {"vocab_size": source.vocab_size}
        if source is not target:
            sizes = {"source_vocab_size": source.vocab_size, "target_vocab_size": target.vocab_size}
        pad_id = source.special_ids["pad"]
        return Transformer(**self._sizes, **sizes, pad_id=pad_id)

    def make_optimizer(self, updates: int) -> keras.optimizers.Optimizer:
        rate = self.learning_rate
        if rate is None:
            rate = 0.0005 if self._is_trained else 0.004
        schedule = InverseSquareRootSchedule(rate, self.warmup_steps)
        return keras.optimizers.Adam(schedule, beta_2=0.98, epsilon=1e-9)

    @property
    def _sizes(self) -> dict[str, Any]:
        """Those of the model from scratch."""
        return {**self.sizes, **(self.model or {})}

    @property
    def _is_trained(self) -> bool:
        """Whether a trained model was given, rather than what one from scratch is to be like."""
        return not isinstance(self.model, Mapping | None)

    @property
    def source_tokenizer(self) -> Any:
        """Cuts the texts that come in."""
        return self.fitted().source_tokenizer

    @property
    def target_tokenizer(self) -> Any:
        """Puts the translations together."""
        return self.fitted().target_tokenizer

    def graph(self, max_source_length: int | None = None) -> TranslationGraph:
        data = self.fitted()
        check_settings(self)
        check_vocabularies(self.model_, data)
        check_special_ids(self.model_, data)
        longest, longest_source = self._limits()
        return TranslationGraph(
            self.model_,
            data.source_tokenizer,
            data.target_tokenizer,
            BeamSearch() if self.strategy is None else self.strategy,
            longest,
            max_source_length or longest_source,
            self.processors,
        )

    def _limits(self) -> tuple[int, int | None]:
        """Most tokens of a translation and of a source: as set, or as the model knows positions."""
        positions = positions_of(self.model_)
        longest, source = self.max_length, self.max_source_length
        if longest is None:
            longest = min(128, positions or 128)
        if source is None:
            source = positions
        else:
            check_number("max_source_length", source, 2, positions)
        check_number("max_length", longest, 1, positions)
        return longest, source

    def answers(self, columns: Sequence[list[str]]) -> list[str]:
        """The translation of each text. Nothing but white space translates to empty text."""
        return [best[0].text for best in self._n_best(columns)]

    def n_best(self, texts: Any) -> list[list[Translation]]:
        """Translates with scores.

        Texts are sorted by length and translated in batches; neither changes a translation.

        Args:
            texts: several strings, as for a call.

        Returns:
            for each text its translations, best first, as many as the strategy returns or, where
            it finds fewer, those.

        Raises:
            ValueError: if none of a text has a finite score.
        """
        return self._n_best(self.columns(texts))

    def _n_best(self, columns: Sequence[list[str]]) -> list[list[Translation]]:
        (texts,) = columns
        rows = [row for row, text in enumerate(texts) if text and not text.isspace()]
        found = self.compute(columns, self._translations, rows)
        for row, translations in enumerate(found):
            if translations is None:
                found[row] = [Translation("", 0.0)]
            elif not translations:
                raise ValueError(
                    f"no translation of {texts[row]!r} has a finite score: weights of the model "
                    "are not finite, or the processors ban every token."
                )
        return found

    def _translations(self, decoded: Any) -> list[list[Translation]]:
        """The translations of each row of a batch that a strategy has decoded."""
        count, length = decoded.ids.shape[1:]
        texts = self.target_tokenizer.decode(decoded.ids.reshape(-1, length))
        return [
            [
                Translation(text, float(score))
                for text, score in zip(texts[row * count :], scores, strict=False)
                if np.isfinite(score)
            ]
            for row, scores in enumerate(decoded.scores)
        ]

    def alignment(self, source: str, target: str | None = None) -> Alignment:
        """Returns what each head of the decoder looks at.

        Args:
            source: the source text.
            target: its translation; default: this translator's own.
        """
        target = self(source) if target is None else target
        return alignment_of(self.model_, self.fitted(), source, target, self._limits()[1])

    def evaluate(
        self, data: Any, references: Any = None, tokenize: str = "13a", *, baselines: bool = True
    ) -> dict[str, Any]:
        """Translates and scores; see `translation_scores`.

        Args:
            data: texts; or a DataFrame with the columns that were fitted.
            references: what the translations should be; of a DataFrame its column.
            tokenize: tokenisation of BLEU.
            baselines: whether, after `fit`, to score beside it the translations of the most
                similar training sentences: `nearest`.
        """
        columns: Any = self.fitted().columns
        if references is None:
            (data, references), _ = take_columns(data, columns)
        sources, references = list(data), list(references)
        check_scoring(len(sources), references, tokenize)  # before the long work
        scores: dict[str, Any] = translation_scores(self(sources), references, tokenize)
        if baselines and hasattr(self, "trained_on_"):
            nearest = nearest_neighbour(self.trained_on_, sources, *columns)
            scores["nearest"] = translation_scores(nearest, references, tokenize)
        return scores

    def export(  # type: ignore[override]  # its limit has another name
        self,
        path: str | os.PathLike,
        format: str = "saved_model",
        weights: str = "float32",
        jit_compile: bool = False,
        max_source_length: int | None = None,
    ) -> pathlib.Path:
        """Writes what is served without this package.

        Args:
            path: folder to make; it must not exist.
            format: "saved_model", a SavedModel that takes and returns strings, with strategy and
                processors (see `TranslationGraph`); or "ctranslate2", model and tokenizers
                for CTranslate2, which is told how to decode with each call (see
                `write_ctranslate2`).
            weights: "float32"; "bfloat16", half as large, and faster on processors with
                instructions for it; or "int8", matrices a quarter as large on the disk. Both round,
                so that a few translations differ. A SavedModel computes with int8 matrices in
                float32 unless it is compiled, else both formats compute with what they hold.
            jit_compile: whether XLA compiles the SavedModel where it is served: faster for one or
                a few texts, with int8 most of all; sources of up to 16, 32, 64, … tokens and
                1, 2, 4, 8, … texts each wait some seconds for it at their first call.
            max_source_length: most tokens of a source in the SavedModel; what is longer loses its
                end, and its answer says so (`cut`). Default: as here, and 512 where there is no
                limit, since one long text can take all of a server's memory.

        Returns:
            The path.
        """
        for name, given, known in (("format", format, FORMATS), ("weights", weights, WEIGHTS)):
            if given not in known:
                raise ValueError(f"{name} must be one of {known}, not {given!r}")
        data = self.fitted()
        if format == "ctranslate2":
            if jit_compile:
                raise ValueError('jit_compile=True needs format="saved_model", not "ctranslate2"')
            tokenizers = data.source_tokenizer, data.target_tokenizer
            return write_ctranslate2(self.model_, *tokenizers, path, weights)
        limit = max_source_length
        if limit is None:
            limit = self._limits()[1] or SERVED_LENGTH
        check_number("max_source_length", limit, 2, positions_of(self.model_))
        held: dict[str, Any] = {"weights": weights, "jit_compile": jit_compile}
        return super().export(path, **held, max_source_length=limit)

    def parts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in TOKENIZERS}

    def learnt(self) -> dict[str, Any]:
        return {"columns": self.data_.columns}

    def take(
        self,
        model: Any,
        source_tokenizer: Any,
        target_tokenizer: Any,
        columns: Sequence[Any] = COLUMNS,
    ) -> None:
        tokenizers = source_tokenizer, target_tokenizer
        self.model_, self.data_ = model, _data_of(tokenizers, [*map(as_name, columns)])


def _data_of(tokenizers: Any, columns: Sequence[Any] = COLUMNS) -> DataProcess:
    """The `DataProcess` of trained tokenizers, which may be one already."""
    if isinstance(tokenizers, DataProcess):
        return tokenizers
    if not isinstance(tokenizers, tuple):
        tokenizers = tokenizers.source_tokenizer, tokenizers.target_tokenizer
    return DataProcess(*columns, tokenizer=tokenizers)
