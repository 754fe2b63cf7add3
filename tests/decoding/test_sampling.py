"""Sampling: the right distribution, the right support, the same text for the same seed."""

import numpy as np
import pytest
from keras import ops

from tftransformer.decoding import BadWords, DecodingStep, Sampling

LOGITS = np.array([1.0, -np.inf, 0.5, 2.0, -1.0, 0.0, 1.5, -3.0], "float32")
ROWS = 4000


def draws(strategy, steps=2, **options):
    """Tokens (rows, steps) drawn from LOGITS at each step, whatever stands before."""

    def step(ids, cache, position):
        return ops.broadcast_to(ops.convert_to_tensor(LOGITS), (ids.shape[0], len(LOGITS))), cache

    decoded = strategy(
        DecodingStep(step),
        np.full((ROWS, 1), 2),
        max_new_tokens=steps,
        end_id=-1,
        pad_id=0,
        **options,
    )
    return np.array(decoded.ids)[:, 0]


def softmax(x):
    x = np.exp(x - x.max())
    return x / x.sum()


def nucleus(probabilities, top_p):
    order = np.argsort(-probabilities)
    kept = order[: np.searchsorted(np.cumsum(probabilities[order]), top_p) + 1]
    result = np.zeros_like(probabilities)
    result[kept] = probabilities[kept] / probabilities[kept].sum()
    return result


def best(count):
    return np.where(np.sort(LOGITS)[-count] <= LOGITS, LOGITS, -np.inf)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Sampling(), softmax(LOGITS)),
        (Sampling(temperature=0.5, seed=1), softmax(LOGITS / 0.5)),
        (Sampling(temperature=3, seed=2**32 - 1), softmax(LOGITS / 3)),
        (Sampling(top_k=3), softmax(best(3))),
        (Sampling(top_p=0.6), nucleus(softmax(LOGITS), 0.6)),
        (Sampling(1.5, 5, 0.7, seed=3), nucleus(softmax(best(5) / 1.5), 0.7)),
        (Sampling(top_k=100), softmax(LOGITS)),
        (Sampling(min_p=0.3), softmax(best(3))),
        (Sampling(0.5, min_p=0.3, epsilon_cutoff=0.2), softmax(best(2) / 0.5)),
        (Sampling(eta_cutoff=0.15, top_k=4), softmax(best(3))),
        (
            Sampling(typical_p=0.4),
            softmax(np.where(np.isin(np.arange(8), [0, 6]), LOGITS, -np.inf)),
        ),
    ],
    ids=repr,
)
def test_draws_from_the_distribution(strategy, expected):
    """Chi-square over single tokens and over pairs: right shares, and steps independent."""
    tokens = draws(strategy)
    pairs = np.zeros((8, 8))
    np.add.at(pairs, (tokens[:, 0], tokens[:, 1]), 1)
    wanted = np.outer(expected, expected) * ROWS
    assert (pairs[wanted == 0] == 0).all()
    for counts, shares in ((pairs.sum(1), wanted.sum(1)), (pairs.ravel(), wanted.ravel())):
        often = shares > 5
        statistic = ((counts - shares)[often] ** 2 / shares[often]).sum()
        freedom = often.sum() - 1
        # Mean and standard deviation of chi-square; seeds are fixed, so this is no lottery.
        assert statistic < freedom + 4 * np.sqrt(2 * freedom)


def test_neighbouring_rows_and_seeds_are_independent():
    """The correlation of draws of neighbouring keys is noise."""
    uniform = Sampling(temperature=1e6)  # flat over the seven tokens that are allowed
    tokens = draws(uniform, steps=8).astype("float64")
    other = draws(Sampling(temperature=1e6, seed=1), steps=8).astype("float64")
    pairs = [
        (tokens[:-1].ravel(), tokens[1:].ravel()),
        (tokens[:, :-1].ravel(), tokens[:, 1:].ravel()),
        (tokens.ravel(), other.ravel()),
    ]
    for first, second in pairs:
        assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(len(first))


def test_the_seed_decides():
    np.testing.assert_array_equal(draws(Sampling(seed=7)), draws(Sampling(seed=7)))
    assert (draws(Sampling(seed=7)) != draws(Sampling(seed=8))).mean() > 0.3


@pytest.mark.slow
def test_a_row_with_a_number_is_the_same_in_any_batch(table_model):
    model = table_model(9, seed=0)
    prompts, numbers = np.array([[2], [3], [2], [4]]), np.array([5, 17, 90_000, 3])
    strategy = Sampling(temperature=2.0, top_p=0.95, seed=4)
    together = model.decode(strategy, prompts, 8, row_numbers=numbers)
    assert (together[0][0] != together[0][2]).any(), "equal prompts, different rows"
    for rows in ([2], [3, 0], [1, 1, 2]):
        part = model.decode(strategy, prompts[rows], 8, row_numbers=numbers[rows])
        for whole, some in zip(together, part, strict=True):
            np.testing.assert_array_equal(whole[rows], some)


def test_each_draw_of_a_row_is_one_of_its_own_whatever_their_number(table_model):
    model, prompts, numbers = table_model(9, seed=0), [[2], [3]], np.array([90_000, 3])
    plain = {"temperature": 2.0, "top_p": 0.95, "seed": 4}
    three, eight = (
        model.decode(Sampling(**plain, num_return=n), prompts, 8, row_numbers=numbers)
        for n in (3, 8)
    )
    one = model.decode(Sampling(**plain), prompts, 8, row_numbers=numbers)
    for first, some, all_of_them in zip(one, three, eight, strict=True):
        np.testing.assert_array_equal(first, some[:, :1])
        np.testing.assert_array_equal(some, all_of_them[:, :3])
    assert len({tuple(text) for text in eight[0].reshape(16, -1).tolist()}) > 12


def test_draws_of_a_row_and_of_its_neighbours_are_independent():
    flat = Sampling(temperature=1e6, num_return=4)

    def step(ids, cache, position):
        return ops.broadcast_to(ops.convert_to_tensor(LOGITS), (ids.shape[0], len(LOGITS))), cache

    given = {"max_new_tokens": 8, "end_id": -1, "pad_id": 0}
    tokens = np.array(flat(DecodingStep(step), np.full((1000, 1), 2), **given).ids, "float64")
    for one in range(4):
        for other in range(4):
            for first, second in (
                (tokens[:-1, one], tokens[1:, other]),
                (tokens[:, one, 1:], tokens[:, other, :-1]),
                (tokens[:, one], tokens[:, (one + 1) % 4]),
            ):
                correlation = np.corrcoef(first.ravel(), second.ravel())[0, 1]
                assert abs(correlation) < 4 / np.sqrt(first.size)


def test_the_score_is_the_models_own(table_model):
    """Log-probabilities before temperature, top-k and processors."""
    model = table_model(9, seed=0)
    ids, scores, lengths = model.decode(
        Sampling(temperature=0.7, top_k=4), [[2], [3]], 8, processors=[BadWords([[4]])]
    )
    assert (ids != 4).all()
    for row, start in enumerate([2, 3]):
        history, total = [start], 0.0
        for token in ids[row, 0, : lengths[row, 0]]:
            total += model.log_probabilities(history)[token]
            history.append(token)
        np.testing.assert_allclose(scores[row, 0], total, rtol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [
        {"temperature": 0},
        {"temperature": -1.0},
        {"top_k": 0},
        {"top_k": 2.5},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"seed": -1},
        {"seed": 2**32},
        {"seed": None},
    ],
    ids=repr,
)
def test_refuses_what_makes_no_sense(arguments):
    with pytest.raises(ValueError, match="was given; expected"):
        Sampling(**arguments)


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_a_seed_is_a_shift_of_the_numbers_of_rows(seed):
    common, first = Sampling(0.9, seed=seed).without_seed()
    assert common == Sampling(0.9)
    numbers = (np.arange(ROWS) + first).astype("uint32").view("int32")
    wanted = draws(Sampling(0.9, seed=seed))
    np.testing.assert_array_equal(draws(common, row_numbers=numbers), wanted)
