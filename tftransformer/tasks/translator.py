"""Translator."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any, Self, Unpack

from tftransformer.core import check_choice
from tftransformer.data import nearest_neighbour, take_columns
from tftransformer.scores.translation import check_scoring, translation_scores
from tftransformer.serving import write_ctranslate2
from tftransformer.serving.ctranslate2 import check_supported
from tftransformer.tasks.alignment import Alignment, alignment_of
from tftransformer.tasks.card import translation_card
from tftransformer.tasks.checks import check_number
from tftransformer.tasks.ctranslate2_call import call_lines, check_ends
from tftransformer.tasks.generation_options import GenerationOptions
from tftransformer.tasks.given import positions_of
from tftransformer.tasks.tables import rows_of, table
from tftransformer.tasks.text_to_text import TextToText
from tftransformer.tasks.writing import Written

FORMATS, WEIGHTS = ("saved_model", "ctranslate2"), ("float32", "bfloat16", "int8")


class Translator(TextToText):
    """Translates texts; the settings are those of `TextToText`.

    Example:

    >>> translate = Translator({"num_layers": 1, "d_model": 16}, vocab_size=500, max_length=60)
    >>> pairs = tt.everyday_corpus(size=1000).train
    >>> translate.fit(pairs, source="en", target="de", epochs=1, verbose=0)("The dog sleeps.")
    '...'
    """

    task = "translator"
    kind = "translation"
    output = "translations"
    column = "translation_text"

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
                With a directory, the model gets the weights of the best epoch or the average of the
                last checkpoints, whichever validates better; without one it keeps the last weights.
        """
        return self.learn(*table(data, targets, [source], target), epochs=epochs, **how)

    def answers(
        self, columns: Sequence[list[str]], **options: Unpack[GenerationOptions]
    ) -> list[str]:
        """Returns the translation of each text; `options` are options of generation."""
        return [*map(self.answer, columns[0], self.best(columns, options))]

    def answer(self, text: str, written: Written) -> str:
        return written.text

    def alignment(self, source: str, target: str | None = None) -> Alignment:
        """Returns what each head of the decoder attends to.

        Args:
            source: the source text.
            target: its translation; default: this translator's own.
        """
        target = self(source) if target is None else target
        graph = self.graph()
        return alignment_of(self.model_, graph, source, target)

    def evaluate(
        self,
        data: Any,
        references: Any = None,
        tokenize: str = "13a",
        *,
        baselines: bool = True,
        **options: Unpack[GenerationOptions],
    ) -> dict[str, Any]:
        """Translates and scores; see `translation_scores`.

        Args:
            data: texts, or a DataFrame with the columns that were fitted.
            references: the reference translations; None for a DataFrame, which has them in a
                column.
            tokenize: tokenisation of BLEU.
            baselines: whether, after `fit`, to also score the translations of the most similar
                training sentences: `nearest`.
            **options: options of generation.
        """
        columns: Any = self.fitted().columns
        if references is None:
            (data, references), _ = take_columns(data, columns)
        sources, references = rows_of(data), rows_of(references)
        check_scoring(len(sources), references, tokenize)  # before the long work
        scores: dict[str, Any] = translation_scores(self(sources, **options), references, tokenize)
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
        """Writes a model that can be served without this package.

        Args:
            path: folder to make; it must not exist.
            format: "saved_model", a SavedModel that takes and returns strings, with strategy and
                processors (see `TextToTextGraph`); or "ctranslate2", model and tokenizers for
                CTranslate2 (see `write_ctranslate2`). This folder holds no settings: each call
                passes prefix, strategy, rules and limits, and its README.md shows the call that
                does so, and names what CTranslate2 cannot be told.
            weights: "float32"; "bfloat16", half as large, and faster on processors with
                instructions for it; or "int8", matrices a quarter as large on the disk. Both round,
                so that a few translations differ. Both formats compute in the type that they hold,
                except that an uncompiled SavedModel computes with int8 matrices in float32.
            jit_compile: whether XLA compiles the SavedModel where it is served: faster for one or
                a few texts, with int8 most of all; sources of up to 16, 32, 64, … tokens and
                1, 2, 4, 8, … texts each wait some seconds for it at their first call.
            max_source_length: most tokens of a source in the export; longer ones are truncated,
                which the answer of a SavedModel reports (`cut`). Default: as here; in a SavedModel
                512 if there is no limit, since one long text can take all of a server's memory.

        Returns:
            The path.
        """
        check_choice(FORMATS, format=format)
        check_choice(WEIGHTS, weights=weights)
        data = self.fitted()
        if format == "ctranslate2":
            if jit_compile:
                raise ValueError('jit_compile=True needs format="saved_model", not "ctranslate2"')
            tokenizers = data.source_tokenizer, data.target_tokenizer
            check_supported(self.model_)
            if max_source_length is not None:
                check_number("max_source_length", max_source_length, 2, positions_of(self.model_))
            graph = self.graph(max_source_length=max_source_length)
            check_ends(graph)
            call = call_lines(graph, self.model_.target_vocab_size)
            card = translation_card(self, weights, *call)
            return write_ctranslate2(self.model_, *tokenizers, path, weights, card=card)
        held: dict[str, Any] = {"weights": weights, "jit_compile": jit_compile}
        return super().export(path, **held, max_source_length=max_source_length)
