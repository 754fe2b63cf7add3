"""Logits over the vocabulary, tied to a table or not."""

import keras
import numpy as np
import pytest

from tftransformer.heads import LanguageModelHead
from tftransformer.layers import TokenEmbeddings
from tftransformer.masks import CausalMask, PaddingMask
from tftransformer.stacks import Encoder

D, V = 8, 11
IDS = np.array([[4, 5, 6, 0], [7, 8, 0, 0]], "int32")


def test_contract(layer_contract, vectors):
    def make(**given):
        return LanguageModelHead(V, use_bias=True, **given)

    layer_contract(make, vectors(2, 3, D), parameters=V * D + V)


def test_logits_are_products_with_the_table(vectors):
    table, hidden = keras.layers.Embedding(V, D), vectors(2, 3, D)
    head = LanguageModelHead(V, tied_to=table, use_bias=True)
    head.build(hidden.shape)
    head.bias.assign(np.arange(V))
    expected = hidden @ np.array(table.embeddings).T + np.arange(V)
    np.testing.assert_allclose(head(hidden), expected, atol=1e-5)
    assert head.count_params() == V * D + V


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_a_quantized_table_counts_for_what_its_integers_stand_for(vectors, mode):
    """Keras's `Model.quantize` makes integers of the table, too, which are no factors of logits."""
    table, hidden = keras.layers.Embedding(V, D), vectors(2, 3, D)
    head = LanguageModelHead(V, tied_to=table)
    exact = np.array(head(hidden))
    table.quantize(mode)
    expected = hidden @ np.array(table(np.arange(V))).T
    np.testing.assert_allclose(head(hidden), expected, atol=1e-5)
    np.testing.assert_allclose(expected, exact, atol={"int8": 0.01, "int4": 0.2}[mode])


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision(vectors, policy):
    head = LanguageModelHead(V, tied_to=keras.layers.Embedding(V, D, dtype=policy), dtype=policy)
    logits = head(vectors(2, 3, D))
    assert keras.backend.standardize_dtype(logits.dtype) == policy.removeprefix("mixed_")


@pytest.mark.slow
def test_a_functional_language_model_shares_its_table(tmp_path):
    """One table under embeddings and head; a file of such a model is refused, not untied."""
    table = keras.layers.Embedding(V, D)
    embeddings = TokenEmbeddings(V, D, table=table)
    stack = Encoder(1, D, 2, 12, mask=CausalMask() & PaddingMask(), embeddings=embeddings)
    symbol = keras.Input((None,), dtype="int32")
    model = keras.Model(symbol, LanguageModelHead(V, tied_to=table)(stack(symbol)))
    attention, net, norm = 4 * (D * D + D), 2 * D * 12 + D + 12, 2 * D
    parameters = V * D + attention + net + 2 * norm
    assert model.count_params() == parameters
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.train_on_batch(IDS, IDS)
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="could not be loaded"):
        keras.saving.load_model(tmp_path / "model.keras")
