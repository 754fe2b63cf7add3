"""FillMask."""

import types
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Self

import numpy as np

from tftransformer.core import check_ints, require
from tftransformer.data.columns import is_unicode
from tftransformer.objectives import MaskedTokens
from tftransformer.tasks.baselines import masked_evaluation
from tftransformer.tasks.given import Given
from tftransformer.tasks.learners import learn_unigram
from tftransformer.tasks.mask_graph import MaskGraph
from tftransformer.tasks.row_task import RowTask
from tftransformer.tasks.tables import texts_table


class FillMask(RowTask):
    """Predicts the masked tokens of a text, written as `fill.mask_token`.

    A text that is too long, or has no mask, is an error.

    Args:
        model: the folder of a masked language model that Hugging Face's library or `save` wrote; or
            a model, with its `tokenizer`. None, or a dict of sizes: a small `Bert`, trained from
            scratch.
        tokenizer: tokenizer of that model, or one to learn, as in `DataProcess`, with a mask token.
            None: see `learn_unigram`.
        share: share of the tokens that are masked, in `fit` and `evaluate`. With few texts 0.3
            learns faster than the 0.15 of Devlin et al. (2019): see Wettig et al. (2023).
        whole_words: whether to mask whole words.
        max_length: largest number of tokens in a row; None: the limit of the model, or 128 from
            scratch.
        vocab_size: size of the vocabulary, if a tokenizer is learnt.
        learning_rate: peak of the learning rate; default 0.001 from scratch, else 0.0001.
        batch_size: number of texts answered at once.
        seed: seed of the weights, the order of rows, the masks and dropout.

    Example:

    >>> fill = FillMask(vocab_size=60)
    >>> _ = fill.fit(["a good film", "a bad film", "good fun"] * 9, epochs=1, verbose=0)
    >>> fill("a <mask> film", top_k=1)
    [[{'token_str': ..., 'score': ..., 'sequence': ..., 'token': ...}]]
    """

    task, head, named = "fill_mask", "masked_lm", ("text",)
    sizes = types.MappingProxyType(
        {"family": "Bert", "num_layers": 2, "d_model": 128, "num_heads": 4, "dff": 512}
        | {"segments": 1}
    )
    default_length = 128
    first_tokens = 512  # guesses say little each: many small updates learn sooner
    too_long = "refuse"  # what is cut off may be a mask
    learns_long = "blocks"
    learn_tokenizer = staticmethod(
        partial(learn_unigram, special_tokens=["<mask>"], sampling_alpha=0.0)
    )

    def __init__(
        self,
        model: Any = None,
        *,
        tokenizer: Any = None,
        share: float = 0.3,
        whole_words: bool = False,
        max_length: int | None = None,
        vocab_size: int = 8000,
        learning_rate: float | None = None,
        batch_size: int = 16,
        seed: int = 0,
    ):
        self.model, self.tokenizer, self.share = model, tokenizer, share
        self.whole_words, self.max_length, self.vocab_size = whole_words, max_length, vocab_size
        self.learning_rate, self.batch_size, self.seed = learning_rate, batch_size, seed

    def fit(self, data: Any, *, text: Any = "text", **how: Any) -> Self:
        """Learns from texts of any length, or a column of a DataFrame; long ones make several rows.

        Args:
            data: the DataFrame, or the texts.
            text: name of the column.
            **how: `validation`, `epochs` and further arguments of `Task.learn`.
        """
        return self.learn(*texts_table(data, text), **how)

    def read_given(self) -> Given:
        given = super().read_given()
        model = self.sketched() if given.model is None else given.model
        self.head = getattr(model, "masked_head", self.head)
        given.unused = [name for name in given.unused if name != self.head]
        return given

    def objective(self, given: Given, output: str | None) -> MaskedTokens:
        return MaskedTokens(self.share, self.whole_words, output=output)

    def head_arguments(self) -> dict[str, Any]:
        return {}

    def text_columns(self) -> list[Any]:
        return list(self.fitted().columns)

    @property
    def mask_token(self) -> str:
        """The mask token, as it is written in a text."""
        tokenizer = self.fitted().tokenizers[0]
        if "mask" not in tokenizer.special_ids:
            raise ValueError(
                f"the tokenizer has no mask token, only {sorted(tokenizer.special_ids)}: give the "
                "one that the model was trained with."
            )
        return tokenizer.tokens([tokenizer.special_ids["mask"]])[0]

    def graph(self, max_length: int | None = None, top_k: int = 5) -> MaskGraph:
        return MaskGraph(top_k=top_k, **self.row(max_length))

    def answers(
        self,
        columns: Sequence[list[str]],
        top_k: int = 5,
        targets: Sequence[str] | None = None,
    ) -> list[Any]:
        """For each text, a list for each of its masks, of `token_str`, `score`, `sequence`.

        `sequence` is the text with this token in the place of the mask; `token` is its id.

        Args:
            columns: the texts.
            top_k: number of tokens to return for each mask, best first.
            targets: the only tokens to consider, each a single piece of the vocabulary.

        Raises:
            ValueError: if a text has no mask, or a target is not a single piece.
        """
        check_ints(1, top_k=top_k)
        (texts,), mask = columns, self.mask_token
        for row, text in enumerate(texts):
            if mask not in text:
                raise ValueError(f"texts[{row}] has no {mask}: there is nothing to fill in.")
        wanted = None if targets is None else self._targets(targets)
        found = self.compute(columns, _by_row)
        strings = self._graph_and_module(1)[0].strings
        answers: list[list[Any]] = []
        for text, (masks, scores) in zip(texts, found, strict=True):
            parts = text.split(mask)
            answers.append([])
            for at, row in enumerate(scores[:masks]):
                before, after = (mask.join(part) for part in (parts[: at + 1], parts[at + 1 :]))
                # Models may know more ids than there are pieces, up to a round number.
                known = min(len(row), len(strings))
                ids = np.arange(known) if wanted is None else np.array(wanted)
                best = ids[np.argsort(-row[ids], kind="stable")][:top_k]
                answers[-1].append(
                    [
                        {
                            "token_str": strings[i],
                            "score": float(row[i]),
                            "sequence": joined(before, strings[i], after),
                            "token": int(i),
                        }
                        for i in best
                    ]
                )
        return answers

    def _targets(self, targets: Any) -> list[int]:
        """The ids of what is asked for."""
        several = isinstance(targets, Iterable) and not isinstance(targets, str)
        pieces: list[Any] = list(targets) if several else [None]
        fits = pieces and all(isinstance(piece, str) and is_unicode(piece) for piece in pieces)
        require(fits, "targets", targets, "a list of pieces of the vocabulary")
        return list(dict.fromkeys(map(self._target, pieces)))

    def _target(self, target: str) -> int:
        """The id of a piece, by its name or by what it is in a text."""
        tokenizer = self.fitted().tokenizers[0]
        pieces = tokenizer.tokens(range(tokenizer.vocab_size))
        if target in pieces:
            return pieces.index(target)
        (ids,) = tokenizer.encode([target]).ids.tolist()
        if len(ids) != 1 or ids[0] == tokenizer.special_ids.get("unk"):
            raise ValueError(f"target {target!r} is no single piece of the vocabulary.")
        return ids[0]

    def evaluate(self, data: Any, labels: Any = None, *, baselines: bool = True) -> dict[str, Any]:
        """Accuracy and perplexity on masked tokens, with a baseline of token frequencies."""
        frame, _ = texts_table(data, self.text_columns()[0])
        return masked_evaluation(self, frame, baselines)


def _by_row(out: dict[str, np.ndarray]) -> list[tuple[int, np.ndarray]]:
    """How many masks each row has, and the probabilities (masks, pieces)."""
    return [*zip(out["masks"], out["probabilities"], strict=True)]


def joined(before: str, token: str, after: str) -> str:
    """A text with a token in the place of a mask; it brings its own blank, or goes on a word."""
    if token.startswith("##"):
        return before.rstrip() + token[2:] + after
    return (before.rstrip() if token.startswith(" ") else before) + token + after
