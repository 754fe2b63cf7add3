"""Heads: which state they read, what they drop, what they keep apart."""

import numpy as np
import pytest

from tftransformer.heads import (
    MaskedLanguageModelHead,
    Pooler,
    SequenceHead,
    TokenHead,
    Transform,
)
from tftransformer.layers import make_norm

MASK = np.array([[True, True, True, False], [False, True, False, False]])
INPUTS = {"padding_mask": MASK, "pooled_positions": np.array([2, 0], "int32")}
COLUMNS = {"first": [0, 0], "first_token": [0, 1], "last": [3, 3], "last_token": [2, 1]}
COLUMNS["given"] = [2, 0]


@pytest.mark.parametrize("column", COLUMNS)
def test_pooler_takes_the_state_of_its_column(column, vectors):
    hidden = vectors(2, 4, 6)
    expected = hidden[np.arange(2), COLUMNS[column]]
    np.testing.assert_array_equal(Pooler(column)(hidden, INPUTS), expected)
    pooler = Pooler(column, width=3)
    got = pooler(hidden, INPUTS)
    kernel = np.array(pooler.projection.kernel)
    np.testing.assert_allclose(got, np.tanh(expected @ kernel), atol=1e-6)
    assert pooler.compute_output_shape(hidden.shape) == (2, 3)


def test_sequence_head_projects_the_pooled_state(vectors):
    hidden = vectors(2, 4, 6)
    head = SequenceHead(Pooler("last_token"), labels=["bad", "good", "odd"], use_bias=False)
    logits = head(hidden, INPUTS)
    kernel = np.array(head.projection.kernel)
    np.testing.assert_allclose(logits, hidden[[0, 1], [2, 1]] @ kernel, atol=1e-5)
    assert SequenceHead(Pooler(), labels=1, squeeze=True)(hidden, INPUTS).shape == (2,)


def test_heads_transform_states_before_they_project_them(vectors):
    hidden = vectors(2, 4, 6)
    norm = make_norm("layer", 1e-5, name="norm")
    transform = Transform(5, activation="tanh", norm=norm, use_bias=False)
    transform.build(hidden.shape)
    by_hand = norm(np.tanh(hidden @ np.array(transform.projection.kernel)))
    np.testing.assert_allclose(transform(hidden), by_hand, atol=1e-5)
    assert transform.compute_output_shape(hidden.shape) == (2, 4, 5)
    tokens, rows = TokenHead(3, transform=transform), SequenceHead(Pooler(), transform=transform)
    found, kernel = tokens(hidden), np.array(tokens.projection.kernel)
    np.testing.assert_allclose(found, np.array(by_hand) @ kernel, atol=1e-5)
    found, kernel = rows(hidden), np.array(rows.projection.kernel)
    np.testing.assert_allclose(found, np.array(by_hand)[:, 0] @ kernel, atol=1e-5)


@pytest.mark.slow
def test_token_head_and_masked_language_model_head_keep_the_layer_contract(layer_contract, vectors):
    hidden = vectors(2, 4, 6)
    layer_contract(lambda **kw: TokenHead(3, dropout=0.1, **kw), hidden, parameters=6 * 3 + 3)
    layer_contract(lambda **kw: Transform(5, activation="relu", **kw), hidden, parameters=35)
    layer_contract(
        lambda **kw: MaskedLanguageModelHead(9, 6, **kw),
        hidden,
        parameters=(36 + 6) + 12 + 9 * 6 + 9,
    )


def test_a_token_head_transforms_states_before_it_scores_them(layer_contract, vectors):
    hidden = vectors(2, 4, 6)
    head = TokenHead(1, transform=Transform(5, activation="relu"))
    found = head(hidden)
    inner = np.maximum(hidden @ np.array(head.transform.projection.kernel), 0)
    np.testing.assert_allclose(found, inner @ np.array(head.projection.kernel), atol=1e-5)
    make = lambda **kw: TokenHead(1, transform=Transform(5, **kw), **kw)  # noqa: E731
    layer_contract(make, hidden, parameters=(30 + 5) + 5 + 1)


def test_masked_language_model_head_is_what_it_says(vectors):
    hidden = vectors(2, 4, 6)
    head = MaskedLanguageModelHead(9, 6, activation="relu", epsilon=1e-5)
    head.build(hidden.shape)
    for n, weight in enumerate(head.weights):
        weight.assign(vectors(*weight.shape, seed=n))
    x = np.maximum(hidden @ np.array(head.transform.kernel) + np.array(head.transform.bias), 0)
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    x = x * np.array(head.norm.gamma) + np.array(head.norm.beta)
    output = head.output_projection
    expected = x @ np.array(output.kernel).T + np.array(output.bias)
    np.testing.assert_allclose(head(hidden), expected, atol=1e-4)


@pytest.mark.parametrize("labels", [0, -1, [], "good"])
def test_labels_are_a_number_or_names(labels):
    with pytest.raises(ValueError, match="labels are"):
        TokenHead(labels)


def test_errors_name_the_choices():
    with pytest.raises(ValueError, match=r"column=.* was given; expected one of"):
        Pooler("middle")
    with pytest.raises(ValueError, match="squeeze needs one label"):
        SequenceHead(Pooler(), labels=2, squeeze=True)
