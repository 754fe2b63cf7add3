"""Beam search against exhaustive search and against a slow one written from the rules."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from tftransformer.decoding import (
    BeamSearch,
    DecodingStep,
    Greedy,
    NoRepeatNgrams,
    PowerLengthPenalty,
    RepetitionPenalty,
    WuLengthPenalty,
)

END, PAD = 1, 0


def exhaustive(model, prompt, max_new_tokens, penalty):
    """All hypotheses with their scores, best first."""
    vocabulary = model.table.shape[1]
    others = [token for token in range(vocabulary) if token != END]
    found = []
    for length in range(1, max_new_tokens + 1):
        last = range(vocabulary) if length == max_new_tokens else [END]
        for tokens in itertools.product(*[others] * (length - 1), last):
            history, total = list(prompt), 0.0
            for token in tokens:
                total += model.log_probabilities(history)[token]
                history.append(token)
            found.append((total / float(penalty(length)), tokens))
    return sorted(found, reverse=True)


def by_the_rules(
    model, prompt, search, max_new_tokens, process=lambda scores, row: scores, ends=(END,)
):
    """Beam search for one row, as slowly and plainly as it can be said."""
    K, penalty = search.num_beams, lambda n: float(search.length_penalty(n))
    running, finished = [(0.0, ())], []
    for n in range(1, max_new_tokens + 1):
        candidates = []
        for total, tokens in running:
            row = list(prompt) + list(tokens)
            scores = process(model.log_probabilities(row), row)
            candidates += [(total + s, (*tokens, t)) for t, s in enumerate(scores) if s > -np.inf]
        candidates = sorted(candidates, reverse=True)[: (1 + len(ends)) * K]
        complete = [tokens[-1] in ends or n == max_new_tokens for _, tokens in candidates]
        finished += [
            (total / penalty(n), tokens)
            for (total, tokens), done in zip(candidates[:K], complete[:K], strict=True)
            if done
        ]
        finished = sorted(finished, reverse=True)[:K]
        running = [c for c, done in zip(candidates, complete, strict=True) if not done][:K]
        if not running:
            break
        if len(finished) == K:
            if search.early_stopping is True:
                break
            longest = n
            if search.early_stopping == "never" and search.length_penalty.alpha > 0:
                longest = max_new_tokens
            if running[0][0] / penalty(longest) <= finished[-1][0]:
                break
    return finished[: search.num_return]


def assert_found(decoded, row, expected):
    """Row `row` of the result holds the expected (score, tokens), best first, then nothing."""
    ids, scores, lengths = (x[row] for x in decoded)
    assert len(ids) >= len(expected)
    for slot, (score, tokens) in enumerate(expected):
        assert tuple(ids[slot][: lengths[slot]]) == tokens
        assert (ids[slot][lengths[slot] :] == PAD).all()
        np.testing.assert_allclose(scores[slot], score, rtol=2e-5, atol=1e-6)
    assert (scores[len(expected) :] == -np.inf).all()
    assert (lengths[len(expected) :] == 0).all()
    assert (ids[len(expected) :] == PAD).all()


PENALTIES = [
    WuLengthPenalty(0.6),
    WuLengthPenalty(0.0),
    PowerLengthPenalty(1.0),
    PowerLengthPenalty(2.0),
    PowerLengthPenalty(-0.5),
]
STOPPING = [True, False, "never"]


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("early_stopping", STOPPING)
@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
def test_equals_exhaustive_search_with_a_beam_wide_enough(table_model, penalty, early_stopping):
    """Vocabulary 3, up to 4 tokens: 1 + 2 + 4 + 24 = 31 hypotheses, all of them in order."""
    model = table_model(3, seed=5)
    search = BeamSearch(33, penalty, early_stopping, num_return=33)
    decoded = model.decode(search, [[2], [0]], max_new_tokens=4)
    for row, prompt in enumerate([[2], [0]]):
        expected = exhaustive(model, prompt, 4, penalty)
        assert len(expected) == 31
        assert_found(decoded, row, expected)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    vocabulary=st.integers(3, 5),
    max_new_tokens=st.integers(1, 3),
    alpha=st.floats(-1, 2),
    kind=st.sampled_from([WuLengthPenalty, PowerLengthPenalty]),
    seed=st.integers(0, 10_000),
)
def test_never_stopping_finds_the_best_that_exists(
    table_model, vocabulary, max_new_tokens, alpha, kind, seed
):
    """No hypothesis is pruned, but the finished set is small: the exact bound alone decides."""
    model = table_model(vocabulary, seed)
    # Wide enough for all running hypotheses, far less than all hypotheses.
    beams = max(1, (vocabulary - 1) ** (max_new_tokens - 1) * vocabulary)
    search = BeamSearch(beams, kind(alpha), "never", num_return=min(3, beams))
    expected = exhaustive(model, [2], max_new_tokens, kind(alpha))[: search.num_return]
    assert_found(model.decode(search, [[2]], max_new_tokens), 0, expected)


def test_beams_run_on_beside_as_many_ends_as_there_are(table_model):
    search = BeamSearch(4, PowerLengthPenalty(1.0), num_return=4)
    model = table_model(7, seed=1, sharpness=1.0)
    model.end_id = (END, 2, 3, 4)
    decoded = model.decode(search, [[2], [5]], max_new_tokens=6)
    for row, prompt in enumerate([[2], [5]]):
        assert_found(decoded, row, by_the_rules(model, prompt, search, 6, ends=model.end_id))


@pytest.mark.slow
@pytest.mark.parametrize("early_stopping", STOPPING)
@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
@pytest.mark.parametrize("beams", [1, 2, 4])
def test_follows_the_rules_step_by_step(table_model, penalty, early_stopping, beams):
    """Narrow beams on many models: pruning, the finished set and stopping all matter."""
    search = BeamSearch(beams, penalty, early_stopping, num_return=beams)
    for seed in range(4):
        model = table_model(6, seed, sharpness=2.0)
        prompts = [[2], [3], [4], [5]]
        decoded = model.decode(search, prompts, max_new_tokens=9)
        for row, prompt in enumerate(prompts):
            assert_found(decoded, row, by_the_rules(model, prompt, search, 9))


@pytest.mark.slow
def test_follows_the_rules_with_processors(table_model):
    """Processors act on log-probabilities and see prompt and hypothesis."""

    def process(scores, row):
        scores = np.array(scores)
        seen = sorted(set(row))
        scores[seen] = np.where(scores[seen] < 0, scores[seen] * 1.5, scores[seen] / 1.5)
        for first, second in itertools.pairwise(row):
            if first == row[-1]:
                scores[second] = -np.inf
        return scores

    search = BeamSearch(3, PowerLengthPenalty(1.0), "never", num_return=3)
    for seed in range(6):
        model = table_model(5, seed)
        prompts = [[2, 3, 2], [4, 4, 3]]
        decoded = model.decode(
            search, prompts, 8, processors=[RepetitionPenalty(1.5), NoRepeatNgrams(2)]
        )
        for row, prompt in enumerate(prompts):
            assert_found(decoded, row, by_the_rules(model, prompt, search, 8, process))


def test_the_rules_are_told_apart(table_model):
    """The modes and penalties above do not all lead to one answer: each is put to the test."""
    results = {}
    for early_stopping in STOPPING:
        search = BeamSearch(2, PowerLengthPenalty(2.0), early_stopping, num_return=2)
        models = [table_model(6, seed, sharpness=2.0) for seed in range(8)]
        results[early_stopping] = [
            by_the_rules(model, [start], search, 9) for model in models for start in (2, 3, 4, 5)
        ]
    assert results[True] != results[False] != results["never"] != results[True]


def test_one_beam_without_length_penalty_is_greedy(table_model):
    """Once the end was the first choice, no longer hypothesis has a better plain sum."""
    model = table_model(8, seed=3)
    prompts = [[start] for start in range(2, 8)]
    beam = model.decode(BeamSearch(1, 0.0, "never"), prompts, 7)
    greedy = model.decode(Greedy(), prompts, 7)
    for result, expected in zip(beam, greedy, strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("early_stopping", STOPPING)
def test_other_rows_change_nothing(table_model, early_stopping):
    """A row alone, in any company and in any place: the same tokens, and scores but for the last
    bits, which TensorFlow's logarithm rounds otherwise in a vector than in the rest behind it."""
    model = table_model(6, seed=11, sharpness=2.0)
    search = BeamSearch(3, 0.6, early_stopping, num_return=3)
    prompts = [[start] for start in (2, 3, 4, 5, 3)]
    together = model.decode(search, prompts, 10)
    assert len({tuple(lengths) for lengths in together[2].tolist()}) > 1
    for row, prompt in enumerate(prompts):
        for whole, alone in zip(together, model.decode(search, [prompt], 10), strict=True):
            np.testing.assert_allclose(whole[row], alone[0], rtol=5e-7)


@pytest.mark.slow
def test_scores_are_summed_in_float32():
    """With bfloat16 logits the sum of many small terms keeps its digits."""
    logits = ops.cast(np.array([[0.0, -30.0, 1.0, 0.5]]), "bfloat16")

    def step(ids, cache, position):
        return ops.repeat(logits, ids.shape[0], axis=0), cache

    decoded = BeamSearch(1, 0.0)(
        DecodingStep(step), [[2]], max_new_tokens=100, end_id=END, pad_id=PAD
    )
    expected = 100 * np.log(np.exp(1) / (1 + np.exp(-30) + np.exp(1) + np.exp(0.5)))
    np.testing.assert_allclose(np.array(decoded.scores), [[expected]], rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_beams": 0}, "num_beams=0"),
        ({"num_beams": True}, "num_beams=True"),
        ({"num_beams": 2, "num_return": 3}, "from 1 to num_beams=2"),
        ({"early_stopping": "always"}, "early_stopping='always'"),
        ({"early_stopping": None}, "early_stopping=None"),
        ({"length_penalty": "wu"}, "length_penalty='wu'"),
    ],
)
def test_refuses_what_makes_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        BeamSearch(**arguments)


def test_a_number_is_the_alpha_of_wu():
    assert BeamSearch(length_penalty=1).length_penalty == WuLengthPenalty(1)
    assert BeamSearch().length_penalty == WuLengthPenalty(0.6)


def test_refuses_a_cache_with_the_wrong_rows(table_model):
    model = table_model(5, seed=0)
    step, options = DecodingStep(model.step, model.cache(2)), {"end_id": END, "pad_id": PAD}
    with pytest.raises(ValueError, match=r"rows of the step=2 .*8 \(2 prompts × num_beams=4\)"):
        BeamSearch(4)(step, [[2], [3]], max_new_tokens=3, **options)
