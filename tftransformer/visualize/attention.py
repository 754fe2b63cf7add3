"""Plots of attention weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tftransformer.visualize.pieces import merge_pieces
from tftransformer.visualize.weights import checked_weights


def attention_map(
    weights: Any,
    query_tokens: Sequence[str],
    key_tokens: Sequence[str] | None = None,
    title: str | None = None,
    path: str | Path | None = None,
) -> Any:
    """Draws the attention of one sentence, a panel for each head.

    All panels share one colour scale, from 0 to the largest weight. The figure grows with the
    tokens, so that their labels stay legible. SentencePiece's `▁` is shown as `·`.

    Args:
        weights: float array (queries, keys) or (heads, queries, keys), after the softmax. Rows
            need not sum to 1.
        query_tokens: sequence of `queries` strings, the rows from top to bottom.
        key_tokens: sequence of `keys` strings, the columns from left to right; default:
            `query_tokens` (self-attention).
        title: heading of the figure.
        path: file to write (.png, .svg, .pdf); its folder is created.

    Returns:
        `matplotlib.figure.Figure`, unknown to pyplot, that a notebook shows when it is the last
        line of a cell.

    Raises:
        ValueError: the weights do not fit the tokens, or are no attention weights.

    Example:

    ```python
    attention_map(weights[0], tokenizer.tokens(ids), path="plots/layer_1.png")
    ```
    """
    key_tokens = query_tokens if key_tokens is None else key_tokens
    weights = checked_weights(weights, query_tokens, key_tokens)
    panels = {"attention": weights} if weights.ndim == 2 else _heads(weights)
    return _figure(panels, query_tokens, key_tokens, "query", "key", title, path)


def alignment(
    weights: Any,
    source_tokens: Sequence[str],
    target_tokens: Sequence[str],
    words: bool = False,
    title: str | None = None,
    path: str | Path | None = None,
) -> Any:
    """Draws which source tokens the decoder attends to for each target token.

    The first panel is the mean over the heads; the heads of the layer follow.

    Args:
        weights: float array (heads, target, source) of one encoder-decoder attention layer for
            one sentence, after the softmax.
        source_tokens: sequence of `source` strings, the columns.
        target_tokens: sequence of `target` strings, the rows: what each decoder step produces.
            A decoder that reads `[start] + target` produces `target + [end]`.
        words: merges sub-word pieces into words with `merge_pieces`.
        title: heading of the figure.
        path: file to write (.png, .svg, .pdf); its folder is created.

    Returns:
        `matplotlib.figure.Figure`, as from `attention_map`.

    Raises:
        ValueError: the weights do not fit the tokens, or are no attention weights.

    Example:

    ```python
    alignment(weights, ["▁the", "▁dog", "s"], ["▁die", "▁Hunde"], words=True, path="dogs.png")
    ```
    """
    weights = checked_weights(weights, target_tokens, source_tokens)
    if words:
        weights, target_tokens, source_tokens = merge_pieces(weights, target_tokens, source_tokens)
    heads = _heads(weights)
    panels = {"mean over heads": weights.mean(axis=0)} | heads
    return _figure(panels, target_tokens, source_tokens, "target", "source", title, path)


def _heads(weights: Any) -> Any:
    if weights.ndim != 3:
        raise ValueError(
            f"weights have shape {weights.shape}, expected (heads, queries, keys) of one "
            "sentence and one layer: of a batch take weights[0]."
        )
    return {f"head {number}": head for number, head in enumerate(weights, start=1)}


def _figure(
    panels: Any,
    query_tokens: Sequence[str],
    key_tokens: Sequence[str],
    query_name: str,
    key_name: str,
    title: str | None,
    path: str | Path | None,
) -> Any:
    from tftransformer.visualize.grid import draw_grid  # needs matplotlib

    figure = draw_grid(panels, query_tokens, key_tokens, query_name, key_name, title)
    if path is not None:
        figure.save(path)
    return figure
