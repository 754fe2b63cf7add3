"""Translator."""

import os
import pathlib
import types
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from tftransformer.decoding import BeamSearch, Strategy
from tftransformer.scores.translation import check_scoring, translation_scores
from tftransformer.serving import ServedModule, write_ctranslate2
from tftransformer.tasks.fit import check_number, check_special_ids, check_vocabularies
from tftransformer.tasks.folder import read_task, write_task
from tftransformer.tasks.translation_graph import TranslationGraph, start_of
from tftransformer.text import load_tokenizer

FORMATS, WEIGHTS = ("saved_model", "ctranslate2"), ("float32", "bfloat16", "int8")
TOKENIZERS = "source_tokenizer", "target_tokenizer"
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


class Alignment(NamedTuple):
    """What the decoder looked at while it wrote a translation.

    Attributes:
        weights: float32 array (layers, heads, target tokens, source tokens).
        source_tokens: the pieces of the source, the end token last.
        target_tokens: the piece that each row of the weights produced, the end token last.
    """

    weights: np.ndarray
    source_tokens: list[str]
    target_tokens: list[str]


class Translator:
    """Translates texts with a trained model.

    Args:
        model: a model with `start_decoding`, such as `Transformer`.
        tokenizers: whatever has a `source_tokenizer` and a `target_tokenizer`, such as the
            `DataProcess` that the model was trained with.
        strategy: how to decode; default `BeamSearch()`. For several translations of each text:
            `BeamSearch(num_return=4)`.
        max_length: most tokens of a translation, the end token included; default 128, or as many
            positions as the model knows.
        max_source_length: most tokens of a source, the end token included; what is longer is cut
            off, which is warned of. Default: as many positions as the model knows, if it has a
            limit.
        processors: see `tftransformer.decoding`.
        batch_size: texts translated at once.
        parallel: parts of a batch that are translated at the same time, here and in exports that
            XLA does not compile. With a thread for each operation and one of them for each part
            (`TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=2`) two parts on two cores take less
            time than one on both; without these settings they take as much.

    Example:

    >>> data = tt.DataProcess("en", "de", vocab_size=500)
    >>> train, validation = data.prepare(tt.everyday_corpus(size=1000).train, test_size=0.1)
    >>> vocab_size = data.source_tokenizer.vocab_size
    >>> model = tt.Transformer(1, 16, num_heads=2, dff=32, vocab_size=vocab_size)
    >>> translate = Translator(model, data, max_length=5)  # once the model is trained
    >>> translate("The dog sleeps.")
    '...'
    """

    def __init__(
        self,
        model: Any,
        tokenizers: Any,
        strategy: Any = None,
        max_length: int | None = None,
        max_source_length: int | None = None,
        processors: Sequence[Any] = (),
        batch_size: int = 32,
        parallel: int = 1,
    ):
        self.model = model
        self.source_tokenizer = tokenizers.source_tokenizer
        self.target_tokenizer = tokenizers.target_tokenizer
        self.strategy = BeamSearch() if strategy is None else strategy
        if not isinstance(self.strategy, Strategy):
            raise TypeError(
                f"strategy must be a decoding strategy such as BeamSearch(4), not {strategy!r}."
            )
        check_vocabularies(model, tokenizers)
        check_special_ids(model, tokenizers)
        positions = getattr(model, "num_positions", None)
        if max_length is None:
            max_length = min(128, positions or 128)
        if max_source_length is None:
            max_source_length = positions
        else:
            check_number("max_source_length", max_source_length, 2, positions)
        check_number("max_length", max_length, 1, positions)
        check_number("batch_size", batch_size, 1)
        check_number("parallel", parallel, 1)
        self.max_length, self.max_source_length = max_length, max_source_length
        self.processors, self.batch_size, self.parallel = tuple(processors), batch_size, parallel
        if not all(callable(processor) for processor in self.processors):
            raise TypeError(
                f"processors must be functions (scores, ids, length) -> scores, such as "
                f"NoRepeatNgrams(3), not {self.processors!r}."
            )
        self.module = self._module()

    def _module(self, max_source_length: int | None = None, **how: Any) -> ServedModule:
        """The graph that translates; `how` it holds the model is as in `ServedModule`."""
        graph = TranslationGraph(
            self.model,
            self.source_tokenizer,
            self.target_tokenizer,
            self.strategy,
            self.max_length,
            max_source_length or self.max_source_length,
            self.processors,
        )
        return ServedModule(graph, self.model, parallel=self.parallel, **how)

    def __call__(self, texts: Any) -> Any:
        """Translates.

        Args:
            texts: a string, or strings in a list, tuple, numpy array (of any shape) or pandas
                Series. Nothing but white space translates to empty text.

        Returns:
            The translations, in a container of the same kind, order and index.

        Raises:
            TypeError: if this is no such container.
            ValueError: if an element is not a string.
        """
        if isinstance(texts, str):
            return self([texts])[0]
        # Iterating over these would translate the names of columns, keys, or single bytes.
        if isinstance(texts, Mapping | bytes) or hasattr(texts, "columns"):
            raise TypeError(
                "texts must be a string, or strings in a list, tuple, array or Series, not a "
                f"{type(texts).__name__}. Translate one column: translate(frame['en'])."
            )
        if isinstance(texts, np.ndarray):
            return np.array(self(texts.ravel().tolist()), dtype=object).reshape(texts.shape)
        translations = [best[0].text for best in self.n_best(texts)]
        if hasattr(texts, "index") and hasattr(texts, "array"):  # a pandas Series
            return type(texts)(translations, index=texts.index, name=texts.name)
        return tuple(translations) if isinstance(texts, tuple) else translations

    def n_best(self, texts: Iterable[str]) -> list[list[Translation]]:
        """Translates with scores.

        Texts are sorted by length and translated in batches; neither changes a translation.

        Args:
            texts: several strings.

        Returns:
            for each text its translations, best first, as many as the strategy returns or, where
            it finds fewer, those.

        Raises:
            ValueError: if none of a text has a finite score.
        """
        texts = list(texts)
        encoded = self.source_tokenizer.encode(texts).ids
        rows = [self._source_row(row) for row in encoded]
        self._warn_of_cuts(encoded.lengths)
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        found: list[list[Translation]] = [[Translation("", 0.0)] for _ in texts]
        order = [row for row in order if texts[row] and not texts[row].isspace()]
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            pad_id = self.source_tokenizer.special_ids["pad"]
            decoded = self.module.compute(
                {
                    "source_ids": _pad([rows[row] for row in batch], pad_id),
                    "row_numbers": np.array(batch, "int32"),
                }
            )
            decoded_texts = self.target_tokenizer.decode(
                decoded.ids.numpy().reshape(-1, self.max_length)
            )
            scores = decoded.scores.numpy()
            count = scores.shape[1]
            for place, row in enumerate(batch):
                own = decoded_texts[place * count : (place + 1) * count]
                found[row] = [
                    Translation(text, float(score))
                    for text, score in zip(own, scores[place], strict=True)
                    if np.isfinite(score)
                ]
                if not found[row]:
                    raise ValueError(
                        f"no translation of {texts[row]!r} has a finite score: weights of the "
                        "model are not finite, or the processors ban every token."
                    )
        return found

    def alignment(self, source: str, target: str | None = None) -> Alignment:
        """Returns what each head of the decoder looks at.

        Args:
            source: the source text.
            target: its translation; default: this translator's own.
        """
        target = self(source) if target is None else target
        source_ids = self._source_row(self.source_tokenizer.encode([source]).ids[0])
        target_ids = self.target_tokenizer.encode([target]).ids[0]
        start = start_of(self.model, self.target_tokenizer)
        end = self.target_tokenizer.special_ids["end"]
        positions = getattr(self.model, "num_positions", None)
        # A translation that ran into the limit has as many tokens as the model has positions.
        target_ids = target_ids[: positions and positions - 1]
        details = self.model.details(
            {
                "source_ids": source_ids[None],
                "target_ids": np.array([[start, *target_ids]], "int32"),
            }
        )
        weights = [keras.ops.convert_to_numpy(w)[0] for w in details["cross_attentions"]]
        return Alignment(
            np.stack(weights),
            self.source_tokenizer.tokens(source_ids.tolist()),
            self.target_tokenizer.tokens([*target_ids, end]),
        )

    def evaluate(
        self, sources: Iterable[str], references: Sequence[str], tokenize: str = "13a"
    ) -> dict[str, float | str]:
        """Translates and scores; see `translation_scores`."""
        sources, references = list(sources), list(references)
        check_scoring(len(sources), references, tokenize)  # before the long work
        return translation_scores(self(sources), references, tokenize)

    def export(
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
        if format == "ctranslate2":
            if jit_compile:
                raise ValueError('jit_compile=True needs format="saved_model", not "ctranslate2"')
            tokenizers = self.source_tokenizer, self.target_tokenizer
            return write_ctranslate2(self.model, *tokenizers, path, weights)
        limit = max_source_length
        if limit is None:
            limit = self.max_source_length or SERVED_LENGTH
        check_number("max_source_length", limit, 2, getattr(self.model, "num_positions", None))
        return self._module(limit, weights=weights, jit_compile=jit_compile).save(path)

    def save(self, folder: str | os.PathLike) -> None:
        """Writes the model, the tokenizers and the settings into a folder, made if need be.

        Raises:
            ValueError: if the strategy or a processor could not be read again.
        """
        settings = {
            "strategy": self.strategy,
            "processors": self.processors,
            "max_length": self.max_length,
            "max_source_length": self.max_source_length,
            "batch_size": self.batch_size,
            "parallel": self.parallel,
        }
        tokenizers = {name: getattr(self, name) for name in TOKENIZERS}
        write_task(folder, "translator", self.model, tokenizers, settings)

    @classmethod
    def load(cls, folder: str | os.PathLike, **changes: Any) -> "Translator":
        """Reads what `save` wrote. Runs no code from the folder.

        Args:
            folder: the folder.
            **changes: constructor arguments that replace the saved ones, such as `strategy`.

        Raises:
            FileNotFoundError: if a file is missing.
            ValueError: if a file is damaged.
        """
        model, tokenizers, settings = read_task(
            folder, "translator", dict.fromkeys(TOKENIZERS, load_tokenizer), without=changes
        )
        return cls(model, types.SimpleNamespace(**tokenizers), **settings, **changes)

    def _source_row(self, ids: np.ndarray) -> np.ndarray:
        """The ids of one source text, cut to the limit, the end token behind them."""
        if self.max_source_length is not None:
            ids = ids[: self.max_source_length - 1]
        return np.array([*ids, self.source_tokenizer.special_ids["end"]], "int32")

    def _warn_of_cuts(self, lengths: np.ndarray) -> None:
        if self.max_source_length is None:
            return
        cut = int((lengths >= self.max_source_length).sum())
        if cut:
            warnings.warn(
                f"{cut} of {len(lengths)} texts have more than max_source_length="
                f"{self.max_source_length} tokens and were cut off.",
                stacklevel=3,
            )


def _pad(rows: Sequence[np.ndarray], pad_id: int) -> np.ndarray:
    """Rows of different lengths as one int32 array (rows, longest)."""
    padded = np.full((len(rows), max(map(len, rows))), pad_id, "int32")
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = ids
    return padded
