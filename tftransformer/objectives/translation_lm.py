"""Translation language models: tokens are masked in a sentence and in its translation."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.core import Ragged, register, require
from tftransformer.objectives.columns import Following, Tokens
from tftransformer.objectives.examples import ColumnExamples, Examples
from tftransformer.objectives.masked_tokens import MaskedTokens
from tftransformer.objectives.objective import LABEL, TEXT, Columns
from tftransformer.objectives.resampling import Resampled

BETWEEN = "-"  # of two languages in one label


@register
class TranslationLM(MaskedTokens):
    """Tokens are masked in a text and in its translation (XLM, Conneau and Lample 2019, §3.3).

    To predict a token the model may look at the other language. The positions of the second text
    restart at 0, and each token has a language: the inputs are those of `MaskedTokens`, with
    `position_ids` and `language_ids`, int (batch, length), in place of segments. One special token
    after the first text ends it; what follows belongs to the second. XLM's rows, in which each text
    has both special tokens, are made by `Template("start a end", "start a end start b end")`.

    The columns are two texts and their languages, a pair such as `("en", "de")` or `"en-de"`; or
    one text and its language, for the multilingual masked language model (§3.2). To learn both at
    once, use `Concatenated` examples. In training the rows of an epoch are drawn: a language, or
    pair of languages, with n rows is drawn with a probability proportional to n^`alpha`, which
    favours those with few rows (§3.1). Draws depend only on (seed, epoch, row).

    Args:
        share: share of the tokens that are chosen.
        alpha: 1 takes each row once; 0 draws all languages equally often.
        languages: names in the order of a trained model's ids; default: those in the training rows,
            sorted.
        whole_words, spans: see `MaskedTokens`.
        output: see `TextRows`.

    Attributes:
        languages_: names of the languages, by id.

    Example:

    >>> frame = tt.everyday_corpus(size=1000).train.assign(languages="en-de")
    >>> data = tt.DataProcess("en", "de", "languages", objective=TranslationLM(), vocab_size=500)
    >>> inputs, labels, weights = next(data.fit(frame).batches(frame).iterate())
    >>> data.objective.languages_, sorted(inputs)[:3]
    (['de', 'en'], ['language_ids', 'mask_positions', 'padding_mask'])
    """

    forms = ((TEXT, LABEL), (TEXT, TEXT, LABEL))
    takes = (
        "a text and its language, or two texts and their languages, such as DataProcess('en', "
        "'de', 'languages', objective=…)"
    )
    learns = "languages_"
    num_labels = 1

    def __init__(
        self,
        share: float = 0.15,
        alpha: float = 0.5,
        *,
        languages: Sequence[str] = (),
        whole_words: bool = False,
        spans: bool = False,
        output: str | None = "lm",
    ):
        super().__init__(share, whole_words, output, spans=spans)
        require(0 <= alpha <= 1, "alpha", alpha, "a number from 0 to 1")
        self.alpha, self.languages = alpha, list(languages)

    def fit(self, columns: Sequence[list[Any]]) -> None:
        (given,) = columns
        found = {name for label in given for name in _names(label)}
        unknown = sorted(found - {*self.languages})
        if self.languages and unknown:
            raise ValueError(f"a row is in {unknown[0]!r}; the languages are {self.languages}.")
        self.languages_ = self.languages or sorted(found)

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> Examples:
        *texts, given = columns
        inputs = self.inputs(texts, tokenizers[0], template)
        inputs.pop("segment_ids", None)
        ids: Any = inputs["token_ids"]
        inputs["position_ids"] = _Positions(ids, texts, template)
        languages = self._ids(given, len(texts))
        inputs["language_ids"] = _Languages(ids, texts, template, languages)
        made = self.hidden_in(ColumnExamples(inputs, {}, {}), tokenizers[0])
        if not training or self.alpha == 1:
            return made
        kinds: dict[Any, int] = {}
        groups = [kinds.setdefault(_names(label), len(kinds)) for label in given]
        return Resampled(made, np.array(groups), self.alpha)

    def _ids(self, given: Sequence[Any], texts: int) -> np.ndarray:
        """The language of each text: int32 (rows, texts)."""
        if not self.is_fitted:
            raise RuntimeError(
                "the languages are not known: call fit with the training rows first."
            )
        number = {name: i for i, name in enumerate(self.languages_)}
        for label in {*map(_names, given)}:
            unknown = [name for name in label if name not in number]
            if len(label) != texts or unknown:
                raise ValueError(
                    f"the languages {label} of a row are not {texts} of {self.languages_}: a name "
                    "for each text, such as 'en-de' or ('en', 'de') for two."
                )
        return np.array([[number[name] for name in _names(label)] for label in given], np.int32)


def _names(label: Any) -> tuple[str, ...]:
    """The languages that a label names."""
    return tuple(label.split(BETWEEN) if isinstance(label, str) else label)


class _Parts(Following):
    """Which of its texts each token of a row is of."""

    def __init__(self, ids: Tokens, texts: Sequence[Ragged], template: Any):
        super().__init__(ids)
        self.texts, self.template = texts, template

    def second(self, rows: np.ndarray, width: int) -> np.ndarray:
        """The column at which the second text begins, its special tokens included: (chosen, 1)."""
        if len(self.texts) == 1:
            return np.full((len(rows), 1), width)
        before, until = (self.template.num_before(name, True) for name in "ab")
        return (before + self.texts[0].lengths_of(rows) + min(until - before, 1))[:, None]


class _Positions(_Parts):
    """The place of each token in its text, from 0: int32 (chosen, width)."""

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        column, second = np.arange(widths["tokens"]), self.second(rows, widths["tokens"])
        return np.where(column < second, column, column - second).astype(np.int32)


class _Languages(_Parts):
    """The language of each token: int32 (chosen, width)."""

    def __init__(self, ids: Tokens, texts: Sequence[Ragged], template: Any, languages: np.ndarray):
        super().__init__(ids, texts, template)
        self.languages = languages

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        column, own = np.arange(widths["tokens"]), self.languages[rows]
        is_first = column < self.second(rows, widths["tokens"])
        return np.where(is_first, own[:, :1], own[:, -1:]).astype(np.int32)
