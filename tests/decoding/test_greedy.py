"""Greedy decoding against a roll-out in plain Python."""

import numpy as np
import pytest

from tftransformer.decoding import Greedy, MinNewTokens, RepetitionPenalty


def roll_out(model, prompt, max_new_tokens, least=0):
    """Tokens and summed log-probability of always taking the best; no end before `least`."""
    history, tokens, total = list(prompt), [], 0.0
    while len(tokens) < max_new_tokens and model.end_id not in tokens:
        scores = model.log_probabilities(history)
        allowed = scores.copy()
        if len(tokens) < least:
            allowed[model.end_id] = -np.inf
        tokens.append(int(allowed.argmax()))
        history.append(tokens[-1])
        total += scores[tokens[-1]]
    return tokens, total


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("prompt_length", [1, 3])
@pytest.mark.parametrize("least", [0, 4])
def test_takes_the_best_token_until_the_end(table_model, prompt_length, least):
    """Ids, padding after the end, lengths, and scores of the model before processors."""
    lengths_seen = set()
    for seed in range(4):
        model = table_model(7, seed)
        prompts = np.random.default_rng(seed).integers(2, 7, (5, prompt_length))
        processors = [MinNewTokens(least, model.end_id, prompt_length)] if least else []
        ids, scores, lengths = model.decode(Greedy(), prompts, 8, processors)
        assert ids.shape == (5, 1, 8)
        assert ids.dtype == lengths.dtype == "int32"
        assert scores.dtype == "float32"
        for row, prompt in enumerate(prompts):
            tokens, total = roll_out(model, prompt, 8, least)
            assert ids[row, 0].tolist() == tokens + [model.pad_id] * (8 - len(tokens))
            assert lengths[row, 0] == len(tokens)
            np.testing.assert_allclose(scores[row, 0], total, rtol=1e-5)
            lengths_seen.add(len(tokens))
    assert len(lengths_seen) > 1
    assert min(lengths_seen) > least


@pytest.mark.slow
def test_other_rows_change_nothing(table_model):
    model = table_model(7, seed=2)
    prompts = [[2], [3], [4], [5], [6], [3]]
    together = model.decode(Greedy(), prompts, 9, [RepetitionPenalty(1.4)])
    for row, prompt in enumerate(prompts):
        alone = model.decode(Greedy(), [prompt], 9, [RepetitionPenalty(1.4)])
        for whole, single in zip(together, alone, strict=True):
            np.testing.assert_allclose(whole[row], single[0], rtol=1e-6)
