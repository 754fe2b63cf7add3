"""Stop strings: rows end with the token that completes one, wherever tokens begin and end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tftransformer.decoding import BeamSearch, DecodingStep, Greedy, Sampling, StopStrings

PIECES = st.text("ab é\n", max_size=4)
STRINGS = st.lists(st.text("ab é\n", min_size=1, max_size=4), min_size=1, max_size=3)
SURFACES = [b"", b"<end>", b"a", b"b", b" a", b"ab", "é".encode()[:1], "é".encode()[1:], b"\n"]


def states_of(stop, prompt, tokens):
    """The states behind a prompt and behind each token after it."""
    states = [stop.begin(np.array([prompt]), np.array([len(prompt)]))]
    for token in tokens:
        states.append(stop.advance(states[-1], np.array([token])))
    return [bool(np.array(stop.has_ended(state))[0]) for state in states]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(pieces=st.lists(PIECES, min_size=1, max_size=8), strings=STRINGS, data=st.data())
def test_a_row_ends_with_the_token_that_completes_a_string(pieces, strings, data):
    surfaces = [piece.encode() for piece in pieces]
    tokens = data.draw(st.lists(st.integers(0, len(pieces) - 1), max_size=8))
    found = states_of(StopStrings(surfaces, strings), [0], tokens)
    texts = ["".join(pieces[token] for token in tokens[:n]) for n in range(len(tokens) + 1)]
    assert found == [any(string in text for string in strings) for text in texts]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(pieces=st.lists(PIECES, min_size=1, max_size=8), strings=STRINGS, data=st.data())
def test_white_space_that_is_stripped_completes_nothing(pieces, strings, data):
    surfaces = [b"x", b"", *(piece.encode() for piece in pieces)]
    tokens = data.draw(st.lists(st.integers(2, len(pieces) + 1), max_size=8))
    prompt = data.draw(st.sampled_from([[0], [1], [0, 1], [1, 1]]))
    stop = StopStrings(surfaces, strings, strips_start=True, strips_end=True)
    found = states_of(stop, prompt, tokens)
    for n, ended in enumerate(found):
        text = b"".join(surfaces[token] for token in tokens[:n]).decode().rstrip()
        if 0 not in prompt:
            text = text.lstrip()
        assert ended == any(string in text for string in strings)


def test_what_stands_behind_a_prompt_counts_once_more_is_written():
    stop = StopStrings([b"", b"the "], [" the"], strips_end=True, behind=" ")
    assert states_of(stop, [1], [1]) == [False, True]
    assert states_of(stop, [0], [1]) == [False, False]
    assert states_of(stop, [0], [1, 1]) == [False, False, True]


@pytest.mark.parametrize(
    "strategy",
    [Greedy(), BeamSearch(1, 0.0), Sampling(seed=2), BeamSearch(3, num_return=3)],
    ids=repr,
)
def test_strategies_end_rows_there_and_no_step_is_made_behind(table_model, strategy):
    model = table_model(len(SURFACES), seed=5)
    strings = ["ab", "é", "\na"]
    prompts = [[2, 3], [4, 5], [6, 7], [3, 3]]
    steps = []

    def step(ids, cache, position):
        steps.append(int(ids.shape[1]))
        return model.step(ids, cache, position)

    def decode(**options):
        steps.clear()
        cache = model.cache(4 * strategy.rows_per_prompt, 24)
        decoded = strategy(
            DecodingStep(step, cache), prompts, max_new_tokens=20, end_id=1, pad_id=0, **options
        )
        return [np.array(x) for x in decoded]

    def ends(row):
        text = b"".join(SURFACES[token] for token in row).decode(errors="replace")
        return 1 in row or any(string in text for string in strings)

    ids, scores, lengths = decode(stop=StopStrings(SURFACES, strings))
    if strategy.rows_per_prompt == 1:
        assert len(steps) == lengths.max()
        whole, *_ = decode()
        for row, longer, length in zip(ids[:, 0], whole[:, 0], lengths[:, 0], strict=True):
            expected = next(n for n in range(1, 21) if ends(longer[:n]) or n == 20)
            assert length == expected
            np.testing.assert_array_equal(row[:length], longer[:length])
    assert np.isfinite(scores).all()
    for slot in np.ndindex(lengths.shape):
        row, length = ids[slot].tolist(), int(lengths[slot])
        assert ends(row[:length]) or length == 20
        assert not ends(row[: length - 1])
        assert not any(row[length:])


@pytest.mark.parametrize("strings", ["ab", [], ["a", ""], [3]], ids=repr)
def test_strings_have_to_be_strings(strings):
    with pytest.raises(ValueError, match="a sequence of strings that are not empty"):
        StopStrings([b"a"], strings)
