"""A toy model whose logits depend on all that came before."""

import numpy as np
import pytest
from keras import ops

from tftransformer.decoding import DecodingStep


class TableModel:
    """Logits are looked up by a hash of the whole row, prompt included.

    The cache keeps the history as one number, so that a cache that does not follow its
    hypothesis shows in the logits; `history_step` sees the history itself, without a cache of
    numbers. End is 1, padding 0.
    """

    end_id, pad_id = 1, 0

    def __init__(self, vocabulary, seed, sharpness=1.5):
        table = np.random.default_rng(seed).normal(size=(997, vocabulary)) * sharpness
        self.table = table.astype("float32")

    def log_probabilities(self, history):
        """Of the next token after a Python list of ids: float64 array (vocabulary,)."""
        value = 0
        for token in history:
            value = (value * 31 + int(token) + 7) % 997
        logits = self.table[value].astype("float64")
        return logits - np.log(np.exp(logits).sum())

    def step(self, ids, cache, position):
        """The step function. Looks at `position` as a model would, to write into its cache."""
        value, written = cache["state"]
        for column in range(ids.shape[1]):
            value = (value * 31 + ids[:, column] + 7) % 997
        columns = ops.arange(written.shape[1])
        inside = ops.logical_and(columns >= position, columns < position + ids.shape[1])
        written = ops.where(inside, written + 1, written)
        return ops.take(ops.convert_to_tensor(self.table), value, axis=0), {
            "state": (value, written)
        }

    def cache(self, rows, width=16):
        return {"state": (np.zeros(rows, "int32"), np.zeros((rows, width), "int32"))}

    def decode(self, strategy, prompts, max_new_tokens, processors=(), **options):
        """Runs a strategy eagerly; ids, scores and lengths as numpy arrays."""
        prompts = np.array(prompts, "int32")
        decoded = strategy(
            DecodingStep(self.step, self.cache(len(prompts) * strategy.rows_per_prompt)),
            prompts,
            max_new_tokens=max_new_tokens,
            end_id=self.end_id,
            pad_id=self.pad_id,
            processors=processors,
            **options,
        )
        return [np.array(x) for x in decoded]


@pytest.fixture(scope="session")
def table_model():
    """The class `TableModel(vocabulary, seed, sharpness)`."""
    return TableModel
