"""Contrastive search: a plain loop without a cache finds the same tokens."""

import keras
import numpy as np
import pytest

import tftransformer as tt
from tftransformer.decoding import ContrastiveSearch, MinLength

END, PAD = 3, 0
SIZES = {"vocab_size": 25, "num_layers": 2, "d_model": 16, "num_heads": 2, "dff": 24}


def gpt2(**options):
    keras.utils.set_random_seed(7)
    model = tt.Gpt2(**SIZES, num_positions=40, pad_id=PAD, **options)
    for weight in model.trainable_weights:
        weight.assign(6 * weight)
    return model


def translator():
    keras.utils.set_random_seed(8)
    model = tt.Transformer(1, 16, 2, 24, vocab_size=25)
    for weight in model.trainable_weights:
        weight.assign(2 * weight)
    return model


def softmax(x):
    x = np.exp(x - x.max())
    return x / x.sum()


def plain(run, prompt, top_k, penalty, most):
    """Su et al. 2022, eq. 5, token by token: `run(ids)` gives hidden states and logits of a row."""
    ids, total = list(prompt), 0.0
    while len(ids) < len(prompt) + most:
        chances = softmax(run(ids)[1][-1])
        rated = []
        for token in np.argsort(-chances, kind="stable")[:top_k]:
            states = run([*ids, int(token)])[0]
            states = states / np.linalg.norm(states, axis=-1, keepdims=True)
            likeness = (states[:-1] @ states[-1]).max()
            rated.append(((1 - penalty) * chances[token] - penalty * likeness, int(token)))
        token = max(rated)[1]
        total += np.log(chances[token])
        ids.append(token)
        if token == END:
            break
    return ids[len(prompt) :], total


def rows_of(decoded):
    return [
        (ids[:n].tolist(), float(score))
        for ids, score, n in zip(
            np.array(decoded.ids)[:, 0],
            np.array(decoded.scores)[:, 0],
            np.array(decoded.lengths)[:, 0],
            strict=True,
        )
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("top_k", "penalty", "side", "cache_length"),
    [(4, 0.6, "left", None), (3, 0.9, "right", 10), (1, 0.5, "left", 10)],
)
def test_it_is_the_plain_loop_whatever_the_cache_and_the_padding(
    top_k, penalty, side, cache_length
):
    model, prompts = gpt2(), [[5, 6, 7, 8], [9, 10], [11]]
    padded = np.zeros((3, 4), "int32")
    for row, prompt in zip(padded, prompts, strict=True):
        row[slice(4 - len(prompt), None) if side == "left" else slice(len(prompt))] = prompt

    def run(ids):
        given = np.array([ids])  # what was written is a token, whatever its id
        outputs = model({"token_ids": given, "padding_mask": np.ones(given.shape, bool)})
        return np.array(outputs["hidden"])[0], np.array(outputs["lm"])[0]

    step = model.start_decoding(padded, num_beams=top_k, hidden=True, cache_length=cache_length)
    strategy = ContrastiveSearch(top_k, penalty)
    found = strategy(step, padded, max_new_tokens=6, end_id=END, pad_id=PAD)
    for (ids, score), prompt in zip(rows_of(found), prompts, strict=True):
        expected, total = plain(run, prompt, top_k, penalty, 6)
        assert ids == expected
        np.testing.assert_allclose(score, total, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_a_decoder_behind_an_encoder_searches_so_too():
    model, source = translator(), np.array([[5, 6, 7], [8, 9, 10]])
    start = np.array([[2], [2]])
    step = model.start_decoding(source, num_beams=3, hidden=True, cache_length=8)
    found = ContrastiveSearch(3)(step, start, max_new_tokens=7, end_id=END, pad_id=PAD)
    greedy = tt.Greedy()(
        model.start_decoding(source, cache_length=8),
        start,
        max_new_tokens=7,
        end_id=END,
        pad_id=PAD,
    )
    none = ContrastiveSearch(3, penalty=0)(step, start, max_new_tokens=7, end_id=END, pad_id=PAD)
    np.testing.assert_array_equal(none.ids, greedy.ids)
    np.testing.assert_allclose(none.scores, greedy.scores, rtol=1e-5)
    assert (np.array(found.ids) != np.array(greedy.ids)).any()


@pytest.mark.slow
def test_it_heeds_processors_and_limits():
    model, prompt = gpt2(), np.array([[5, 6], [7, 8]])
    step = model.start_decoding(prompt, num_beams=4, hidden=True)
    given = {"max_new_tokens": 12, "end_id": END, "pad_id": PAD}
    limits = np.array([5, 12])
    found = ContrastiveSearch(4)(
        step, prompt, **given, limits=limits, processors=[MinLength(20, END)]
    )
    assert np.array(found.lengths)[:, 0].tolist() == [5, 12]
    assert END not in np.array(found.ids)


def test_more_candidates_than_tokens_are_all_tokens():
    model, prompt = gpt2(), np.array([[5, 6], [7, 8]])
    given = {"max_new_tokens": 6, "end_id": END, "pad_id": PAD}
    every, more = (
        ContrastiveSearch(count)(
            model.start_decoding(prompt, num_beams=count, hidden=True), prompt, **given
        )
        for count in (model.vocab_size, model.vocab_size + 3)
    )
    np.testing.assert_array_equal(every.ids, more.ids)
    np.testing.assert_allclose(every.scores, more.scores, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("cache_length", [None, 12])
def test_a_stream_gives_the_tokens_of_a_call_one_by_one(cache_length):
    model, ids = gpt2(), np.array([[5, 6, 7, 0], [8, 9, 4, 3], [5, 0, 0, 0]])
    inputs = {"token_ids": ids, "padding_mask": ids > 0}
    step = model.start_decoding(inputs, num_beams=3, hidden=True, cache_length=cache_length)
    options = {"max_new_tokens": 8, "end_id": END, "pad_id": PAD, "limits": np.array([8, 2, 5])}
    expected = ContrastiveSearch(3)(step, ids, **options)
    found = np.stack(list(ContrastiveSearch(3).stream(step, ids, **options)), axis=1)
    assert found.shape[1] == np.max(expected.lengths)
    np.testing.assert_array_equal(found, np.array(expected.ids)[:, 0, : found.shape[1]])


def test_what_it_needs_is_said():
    model, prompt = gpt2(), np.array([[5, 6]])
    given = {"max_new_tokens": 4, "end_id": END, "pad_id": PAD}
    with pytest.raises(ValueError, match="hidden=True"):
        ContrastiveSearch(2)(model.start_decoding(prompt, num_beams=2), prompt, **given)
    with pytest.raises(ValueError, match="rows of the step"):
        ContrastiveSearch(2)(model.start_decoding(prompt, hidden=True), prompt, **given)
    with pytest.raises(ValueError, match="penalty"):
        ContrastiveSearch(2, 1.5)
    xlnet = tt.XLNet(25, 1, 16, 2, 24)
    with pytest.raises(ValueError, match="hidden state for each token"):
        xlnet.start_decoding(prompt, hidden=True)
