"""What all strategies share: graphs, unknown shapes, empty batches, backends, configuration."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tftransformer import decoding
from tftransformer.decoding import (
    BadWords,
    BeamSearch,
    DecodingStep,
    Greedy,
    MinNewTokens,
    NoRepeatNgrams,
    PowerLengthPenalty,
    RepetitionPenalty,
    Sampling,
)
from tftransformer.models import Gpt2

PROCESSORS = (RepetitionPenalty(1.2), NoRepeatNgrams(3), BadWords([[2], [3, 4]]))
STRATEGIES = [
    Greedy(),
    BeamSearch(3, PowerLengthPenalty(1.0), "never", num_return=2),
    Sampling(0.9, top_k=6, top_p=0.9, seed=3),
    Sampling(seed=3, num_return=2),
]
OPTIONS = {"max_new_tokens": 6, "end_id": 1, "pad_id": 0, "processors": PROCESSORS}


def recurrent_step(table):
    """A step without Python numbers of rows or columns: shapes may be unknown."""
    table = tf.constant(table)

    def step(ids, cache, position):
        value = cache["sum"] + tf.reduce_sum(ids * 31 + 7, axis=1)
        return tf.gather(table, value % 997), {"sum": value}

    return step


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
@pytest.mark.parametrize("shape", [(None, 1), (None, None), (4, None), (4, 2)], ids=repr)
def test_a_graph_with_unknown_shapes_equals_eager(table_model, strategy, shape):
    step = recurrent_step(table_model(9, seed=1).table)

    def run(prompts):
        cache = {"sum": tf.zeros(tf.shape(prompts)[0] * strategy.rows_per_prompt, tf.int32)}
        return strategy(DecodingStep(step, cache), prompts, **OPTIONS)

    graph = tf.function(run, input_signature=[tf.TensorSpec(shape, tf.int32)])
    width = shape[1] or 2
    prompts = np.array([[2, 5], [3, 4], [7, 8], [2, 2]], "int32")[:, :width]
    for result, expected in zip(graph(prompts), run(prompts), strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-5)
    results = getattr(strategy, "num_return", 1)
    outputs = graph.get_concrete_function().structured_outputs
    assert [x.shape[1:].as_list() for x in outputs] == [[results, 6], [results], [results]]
    if shape[0] is None:
        empty = graph(prompts[:0])
        assert [tuple(x.shape) for x in empty] == [(0, results, 6), (0, results), (0, results)]


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_compiled_equals_eager(table_model, strategy):
    step = recurrent_step(table_model(9, seed=1).table)

    def run(prompts):
        cache = {"sum": tf.zeros(4 * strategy.rows_per_prompt, tf.int32)}
        return strategy(DecodingStep(step, cache), prompts, **OPTIONS)

    prompts = tf.constant([[2], [3], [4], [5]])
    for result, expected in zip(
        tf.function(run, jit_compile=True)(prompts), run(prompts), strict=True
    ):
        np.testing.assert_allclose(result, expected, rtol=1e-5)


# Runs on whatever backend Keras has, inside that backend's compiled function.
ON_A_BACKEND = """
import json, keras, numpy as np
from keras import ops
from tftransformer.decoding import *

table = np.random.default_rng(1).normal(size=(997, 9)).astype("float32") * 1.5
prompts = np.array([[2, 5], [3, 4], [7, 8], [2, 2]], "int32")
processors = (RepetitionPenalty(1.2), NoRepeatNgrams(3), BadWords([[2], [3, 4]]), MinLength(4, 1))
strategies = [
    Greedy(),
    BeamSearch(3, 0.6, num_return=2),
    Sampling(0.9, top_k=6, top_p=0.9, seed=3),
    Sampling(seed=2**31 + 5, num_return=2),
]

def step(ids, cache, position):
    value = cache + ops.sum(ids * 31 + 7, axis=1)
    return ops.take(ops.convert_to_tensor(table), value % 997, axis=0), value

def run(strategy, prompts):
    return strategy(
        DecodingStep(step, np.zeros(4 * strategy.rows_per_prompt, "int32")), prompts,
        max_new_tokens=6, end_id=1, pad_id=0, processors=processors,
    )

if keras.backend.backend() == "jax":
    import jax
    compiled = jax.jit(run, static_argnums=0)
else:
    compiled = run
results = [
    [np.array(x).tolist() for x in compiled(strategy, width)]
    for strategy in strategies for width in (prompts, prompts[:, :1])
]
"""


@pytest.mark.slow
def test_jax_gives_the_same_text_as_tensorflow():
    """In a process where TensorFlow cannot be imported."""
    here = {}
    exec(ON_A_BACKEND, here)
    there = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.modules['tensorflow'] = None\n"
            + ON_A_BACKEND
            + "\nprint(json.dumps([keras.backend.backend(), results]))",
        ],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert there.returncode == 0, there.stderr
    backend, results = json.loads(there.stdout.splitlines()[-1])
    assert backend == "jax"
    for result, expected in zip(results, here["results"], strict=True):
        for x, y in zip(result, expected, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-5)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_each_position_is_run_once_and_in_order(table_model, strategy):
    """Positions of the tokens handed to the step: 0, 1, 2, … without a gap, and none too many."""
    model = table_model(9, seed=0)
    spans = []

    def step(ids, cache, position):
        spans.append((int(position), ids.shape[1]))
        return model.step(ids, cache, position)

    strategy(
        DecodingStep(step, model.cache(2 * strategy.rows_per_prompt)),
        [[2, 5, 6], [3, 4, 7]],
        max_new_tokens=4,
        end_id=-1,
        pad_id=0,
    )
    assert spans == [(0, 3), (3, 1), (4, 1), (5, 1)]


@pytest.mark.parametrize("strategy", [Greedy(), BeamSearch(2)], ids=repr)
def test_each_of_several_ends_ends_a_row_and_none_comes_too_early(table_model, strategy):
    model = table_model(6, seed=4)
    model.end_id = [1, 4]
    prompts = [[2], [3], [5], [0]]
    ids, _, lengths = model.decode(strategy, prompts, 8, [MinNewTokens(2, model.end_id)])
    texts = [row[:length].tolist() for row, length in zip(ids[:, 0], lengths[:, 0], strict=True)]
    assert {1, 4} <= {text[-1] for text in texts}
    for text in texts:
        assert len(text) > 2
        assert not {1, 4} & {*text[:-1]}


@pytest.mark.parametrize("strategy", [Greedy(), BeamSearch(3), Sampling()], ids=repr)
def test_stops_when_all_rows_have_ended(strategy):
    calls = []

    def step(ids, cache, position):
        calls.append(1)
        logits = np.full((ids.shape[0], 4), -9.0, "float32")
        logits[:, 1] = 9.0
        return tf.constant(logits), cache

    decoded = strategy(DecodingStep(step), [[2], [3]], max_new_tokens=50, end_id=1, pad_id=0)
    assert len(calls) < 6
    assert (np.array(decoded.ids)[:, 0, :2] == [1, 0]).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda cache: {**cache, "more": cache["state"][0]},
        lambda cache: {"state": (cache["state"][0], tf.pad(cache["state"][1], ((0, 0), (0, 1))))},
        lambda cache: {"state": (cache["state"][0], tf.cast(cache["state"][1], "float32"))},
    ],
    ids=["structure", "shape", "dtype"],
)
def test_a_step_that_changes_the_form_of_the_cache_is_an_error(table_model, change):
    model = table_model(9, seed=0)

    def step(ids, cache, position):
        logits, cache = model.step(ids, cache, position)
        return logits, change(cache)

    with pytest.raises(ValueError, match="other entries, shapes or dtypes than it was given"):
        Greedy()(DecodingStep(step, model.cache(1)), [[2]], max_new_tokens=2, end_id=1, pad_id=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens=0 was given; expected an int ≥ 1"),
        ({"max_new_tokens": 2.0}, "max_new_tokens=2.0"),
        ({"end_id": "</s>"}, "end_id='</s>'"),
        ({"end_id": [1, 2.5]}, r"end_id=\(1, 2.5\)"),
        ({"end_id": []}, r"end_id=\[\]"),
        ({"pad_id": -1}, "pad_id=-1"),
        ({"processors": [3]}, "processors=3"),
        ({"prompt_ids": [2, 3]}, r"shape of prompt_ids=\(2,\)"),
        ({"prompt_ids": np.zeros((2, 0))}, "at least one token"),
    ],
)
def test_refuses_what_makes_no_sense(change, message):
    arguments = {"prompt_ids": [[2]], "max_new_tokens": 3, "end_id": 1, "pad_id": 0, **change}
    with pytest.raises(ValueError, match=message):
        Greedy()(DecodingStep(lambda ids, cache, position: (None, cache)), **arguments)


@pytest.mark.parametrize(
    "configured",
    [
        *STRATEGIES,
        *PROCESSORS,
        decoding.MinLength(4, 3),
        decoding.MinNewTokens(4, 3, 2),
        decoding.ForcedEnd(4, 3),
        decoding.ForcedEnd(None, 3),
        decoding.Temperature(0.7),
        decoding.TopK(4),
        decoding.TopP(0.8, 2),
        decoding.Typical(0.8),
        decoding.MinP(0.1),
        decoding.Epsilon(0.1),
        decoding.Eta(0.1),
        decoding.WuLengthPenalty(0.6),
    ],
    ids=repr,
)
def test_survives_configuration_through_json(configured):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(configured)))
    restored = keras.saving.deserialize_keras_object(config)
    assert restored == configured
    assert hash(restored) == hash(configured)
    assert config["registered_name"] == f"tftransformer>{type(configured).__name__}"


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_no_rows_are_no_error(strategy):
    step = recurrent_step(np.ones((997, 5), "float32"))
    decoded = strategy(
        DecodingStep(step, {"sum": tf.zeros((0,), "int32")}), np.zeros((0, 1), "int32"), **OPTIONS
    )
    assert (decoded.ids.shape[0], decoded.ids.shape[2]) == (0, OPTIONS["max_new_tokens"])


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_a_row_with_a_limit_of_its_own_ends_as_it_would_alone(table_model, strategy):
    model = table_model(9, seed=4)
    limits = [1, 4, 2, 6]
    prompts = [[2], [3], [4], [5]]
    together = model.decode(
        strategy, prompts, 7, limits=np.array(limits), row_numbers=np.zeros(4, "int32")
    )
    for row, limit in enumerate(limits):
        alone = model.decode(strategy, prompts[row : row + 1], limit)
        for found, expected in zip(together, alone, strict=True):
            np.testing.assert_allclose(
                found[row, :, :limit] if found.ndim > 2 else found[row], expected[0], rtol=1e-5
            )
        assert not together[0][row, :, limit:].any()


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_the_last_token_that_a_row_may_have_can_be_forced(table_model, strategy):
    model, limits = table_model(9, seed=4), [1, 4, 2, 6]
    prompts = [[2, 5], [3, 3], [4, 6], [5, 5]]
    forced = [decoding.ForcedEnd(None, 8)]
    ids, _, lengths = model.decode(strategy, prompts, 7, forced, limits=np.array(limits))
    for row, limit in enumerate(limits):
        assert lengths[row, 0] <= limit
        if lengths[row, 0] == limit:
            assert ids[row, 0, limit - 1] == 8
    assert (lengths[:, 0] == limits).sum() > 1
    with pytest.raises(ValueError, match="max_length=None"):
        forced[0](np.zeros((1, 9)), np.zeros((1, 1), "int32"), 1)


@pytest.mark.slow
def test_a_model_whose_cache_grows_has_room_for_the_longest_limit_alone():
    model = tt_model()
    prompts = np.array([[5, 6, 7], [8, 9, 4], [3, 3, 2]], "int32")
    for strategy in (Greedy(), BeamSearch(2)):
        beams = strategy.rows_per_prompt
        run = {"max_new_tokens": 30, "end_id": 1, "pad_id": 0, "limits": np.array([3, 20, 1])}
        grown = strategy(model.start_decoding(prompts, num_beams=beams), prompts, **run)
        fixed = strategy(
            model.start_decoding(prompts, cache_length=32, num_beams=beams), prompts, **run
        )
        for one, other in zip(grown, fixed, strict=True):
            assert one.shape == other.shape
            np.testing.assert_allclose(one, other, rtol=1e-4)
        assert np.all(np.array(grown.lengths)[:, 0] <= [3, 20, 1])


def tt_model():
    """A model that decodes."""
    from tftransformer.models import Gpt2

    keras.utils.set_random_seed(0)
    return Gpt2(vocab_size=12, num_layers=1, d_model=8, num_heads=2, num_positions=40)


@pytest.mark.parametrize("strategy", [Greedy(), Sampling(seed=3)], ids=repr)
def test_a_stream_gives_the_tokens_of_a_call_one_by_one(table_model, strategy):
    model, prompts, limits = table_model(9, seed=4), [[2, 3], [3, 4], [4, 8]], [6, 2, 4]
    ids, _, lengths = model.decode(strategy, prompts, 6, PROCESSORS, limits=limits)
    step = DecodingStep(model.step, model.cache(3))
    given = {**OPTIONS, "limits": np.array(limits)}
    found = np.stack(list(strategy.stream(step, prompts, **given)), axis=1)
    assert found.shape[1] == lengths.max()
    np.testing.assert_array_equal(found, ids[:, 0, : lengths.max()])


def test_a_stream_of_several_draws_has_a_row_for_each(table_model):
    model, prompts, strategy = table_model(9, seed=4), [[2, 3], [3, 4]], Sampling(num_return=3)
    ids, _, lengths = model.decode(strategy, prompts, 6, PROCESSORS)
    step = DecodingStep(model.step, model.cache(6))
    found = np.stack(list(strategy.stream(step, prompts, **OPTIONS)), axis=1)
    np.testing.assert_array_equal(found, ids.reshape(6, -1)[:, : lengths.max()])


@pytest.mark.slow
@pytest.mark.parametrize("cache_length", [None, 12])
def test_a_stream_of_a_model_is_compiled_once_and_sees_padding(cache_length):
    model = Gpt2(vocab_size=30, num_layers=2, d_model=16, num_heads=2)
    ids = np.array([[5, 6, 7, 0], [8, 9, 4, 3], [5, 0, 0, 0]])
    inputs = {"token_ids": ids, "padding_mask": ids > 0}
    options = {"max_new_tokens": 8, "end_id": 1, "pad_id": 0}
    step = model.start_decoding(inputs, cache_length=cache_length)
    expected = np.array(Greedy()(step, ids, **options).ids)[:, 0]
    for _ in range(2):
        found = np.stack(list(Greedy().stream(step, ids, **options)), axis=1)
        np.testing.assert_array_equal(found, expected[:, : found.shape[1]])
        assert not expected[:, found.shape[1] :].any()
    (_, go_on) = next(v for k, v in model.traces.items() if k[0] == "stream")
    assert go_on.experimental_get_tracing_count() == (2 if cache_length is None else 1)
