"""What decoding once got wrong in silence, each demanded here."""

import keras
import numpy as np
import pytest
from keras import ops

from tftransformer.decoding import (
    BadWords,
    BeamSearch,
    DecodingStep,
    Greedy,
    NoRepeatNgrams,
    RepetitionPenalty,
    Sampling,
)
from tftransformer.layers import KeyValueCache, LayerState, StackState, TokenEmbeddings
from tftransformer.masks import CausalMask, MemoryMask, PaddingMask, PrefixMask
from tftransformer.models import Bart, Bert, Gpt2, Transformer, TransformerXL
from tftransformer.positions import LearnedPositions, RotaryPositions
from tftransformer.stacks import RecurrentEncoder

V = 30


def shaken(model, scale=0.5):
    """The model with weights large enough to tell texts apart."""
    random = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(random.normal(size=weight.shape) * scale)
    return model


def gpt(**options):
    return shaken(Gpt2(V, num_layers=2, d_model=16, num_heads=2, num_positions=24, **options))


def written(model, prompt, strategy=None, processors=(), new=5, **inputs):
    """The best continuation of each row, none of which ends."""
    strategy, prompt = strategy or Greedy(), np.array(prompt, "int32")
    inputs = {"token_ids": prompt, **inputs}
    step = model.start_decoding(inputs, num_beams=strategy.rows_per_prompt)
    options = {"max_new_tokens": new, "end_id": -1, "pad_id": 0, "processors": processors}
    return np.array(strategy(step, prompt, **options).ids)[:, 0].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [Greedy(), BeamSearch(3)], ids=["greedy", "beam"])
def test_a_row_is_continued_from_its_last_token_wherever_padding_stands(strategy):
    model = gpt(pad_id=0)
    alone = written(model, [[5, 6]], strategy)[0]
    for padded in ([0, 0, 5, 6], [5, 6, 0, 0], [0, 5, 6, 0]):
        assert written(model, [padded, [7, 8, 9, 4]], strategy)[0] == alone


@pytest.mark.slow
@pytest.mark.parametrize("processor", [RepetitionPenalty(1.5), NoRepeatNgrams(1)], ids=repr)
def test_processors_do_not_count_padding(processor):
    model = gpt(pad_id=0)
    for token in range(4, 20):
        alone = written(model, [[token, token + 1]], processors=[processor])[0]
        for row in ([0, 0, token, token + 1], [token, token + 1, 0, 0]):
            both = written(model, [row, [7, 8, 9, 10]], processors=[processor])
            assert both[0] == alone


def test_position_ids_of_a_prompt_are_read_and_go_on():
    model = gpt()
    ids, positions = np.array([[5, 6, 7, 8]]), np.array([[4, 5, 6, 7]])
    expected = np.array(model({"token_ids": ids, "position_ids": positions})["lm"])
    step = model.start_decoding({"token_ids": ids[:, :3], "position_ids": positions[:, :3]})
    first, cache = step(ids[:, :3], step.cache, 0)
    second, _ = step(ids[:, 3:], cache, 3)
    np.testing.assert_allclose(np.stack([first, second], 1), expected[:, 2:], atol=1e-4)


PAIR = {"num_layers": 1, "d_model": 16, "num_heads": 2, "dff": 16, "pad_id": 0}


@pytest.mark.slow
@pytest.mark.parametrize("family", [Gpt2, Transformer, Bart])
def test_a_pad_id_that_is_written_is_a_token_as_in_transformers(family):
    ids, source = np.array([[5, 0, 6, 0, 7]]), np.array([[4, 3, 2]])
    real = np.ones(ids.shape, bool)
    if family is Gpt2:
        model = gpt(pad_id=0)
        prompt, inputs = ids[:, :1], {"token_ids": ids, "padding_mask": real}
    else:
        model = shaken(family(vocab_size=V, **PAIR))
        prompt = {"source_ids": source}
        inputs = {**prompt, "target_ids": ids, "target_padding_mask": real}
    expected = model(inputs)
    expected = np.array(expected["lm"] if isinstance(expected, dict) else expected)
    for cache_length in (None, 6):
        step = model.start_decoding(prompt, cache_length=cache_length)
        cache, found = step.cache, []
        for column in range(5):
            logits, cache = step(ids[:, column : column + 1], cache, column)
            found.append(np.array(logits))
        np.testing.assert_allclose(np.stack(found, 1), expected, atol=1e-4)


@pytest.mark.slow
def test_a_prefix_counts_tokens_and_not_padding():
    mask = (CausalMask() | PrefixMask()) & PaddingMask()
    model = gpt(pad_id=0, mask=mask)
    alone = written(model, [[5, 6, 7]], prefix_lengths=np.array([2]))[0]
    lengths = np.array([2, 3])
    for row in ([0, 0, 5, 6, 7], [5, 6, 7, 0, 0]):
        assert written(model, [row, [7, 8, 9, 4, 3]], prefix_lengths=lengths)[0] == alone
    stack = model.stack
    context = {"prefix_lengths": np.array([2]), "position_ids": np.array([[0, 0, 0, 1, 2]])}
    left = stack(np.array([[0, 0, 5, 6, 7]]), context=context)
    plain = stack(np.array([[5, 6, 7]]), context={"prefix_lengths": np.array([2])})
    np.testing.assert_allclose(left[:, 2:], plain, atol=1e-5)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("options", [
    {"rotary": RotaryPositions()},
    {"embeddings": LearnedPositions(8, 16)},
    {"zero_padding": True, "mask": CausalMask()},
], ids=["rotary", "added", "zero padding"])  # fmt: skip
@pytest.mark.parametrize("growing", [False, True])
def test_a_recurrent_stack_steps_as_it_runs(options, growing):
    options = dict(options)
    position = options.pop("embeddings", None)
    embeddings = TokenEmbeddings(9, 8, position=position)
    stack = RecurrentEncoder(2, 8, 2, 8, dropout=0.0, embeddings=embeddings, **options)
    ids = np.array([[5, 0, 6, 7]], "int32")
    real = ids != 0
    whole = np.array(stack(ids, padding_mask=real))
    cache, found = stack.empty_cache(1, 4), []
    for column in range(4):
        slots = [LayerState(KeyValueCache(**own, position=column)) for own in cache]
        state = StackState(slots, position=column, length=4)
        found.append(np.array(stack(ids[:, column : column + 1], padding_mask=real, state=state)))
        caches = [slot.self_attention for slot in state.layers]
        cache = [{"key": own.key, "value": own.value} for own in caches]
    np.testing.assert_allclose(np.concatenate(found, 1), whole, atol=1e-4)


def test_padding_is_zero_behind_every_layer_of_a_recurrent_stack():
    stack = RecurrentEncoder(
        2, 8, 2, 8, mask=CausalMask() & MemoryMask(), zero_padding=True,
        embeddings=TokenEmbeddings(9, 8),
    )  # fmt: skip
    state = StackState([LayerState() for _ in stack.layers])
    stack(np.array([[5, 0, 6]]), memory=[np.ones((1, 2, 8), "float32")] * 2, state=state)
    for hidden in state.hidden_states:
        assert np.array(hidden)[0, 1].tolist() == [0.0] * 8
        assert np.abs(np.array(hidden)[0, [0, 2]]).min() > 0


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("strategy", [BeamSearch(2), Greedy(), Sampling(), Sampling(top_k=2)])
def test_where_everything_is_banned_there_is_no_continuation(strategy):
    table = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")
    step = DecodingStep(lambda ids, cache, position: (ops.take(table, ids[:, -1], axis=0), cache))
    banned = BadWords(((0,), (1,), (2,), (3,)))
    found = strategy(step, [[2]], max_new_tokens=3, end_id=3, pad_id=0, processors=[banned])
    assert np.array(found.scores).tolist() == [[-np.inf]]
    assert np.array(found.lengths).tolist() == [[0]]
    assert np.array(found.ids).tolist() == [[[0, 0, 0]]]


def test_a_model_that_sees_the_future_does_not_write():
    model = Bert(V, 1, 8, 2, 8, heads=["lm"])
    with pytest.raises(ValueError, match=r"mask=PaddingMask\(\) was given; .*& CausalMask"):
        model.start_decoding(np.ones((1, 3), "int32"))


def test_one_layer_that_sees_the_future_is_enough_not_to_write():
    masks = [CausalMask(), PaddingMask()]
    decoder = {"num_layers": 2, "d_model": 8, "num_heads": 2, "dff": 8, "vocab_size": V}
    model = Transformer(**decoder, decoder_mask=masks)
    with pytest.raises(ValueError, match=r"decoder_mask=PaddingMask\(\) was given"):
        model.start_decoding(np.ones((1, 3), "int32"))


@pytest.mark.slow
def test_attention_without_a_cache_and_layers_that_mix_tokens_do_not_write():
    options = {"num_layers": 1, "d_model": 8, "num_heads": 2, "dff": 8, "vocab_size": V}
    foreign = keras.layers.MultiHeadAttention(2, 4, name="foreign")
    with pytest.raises(ValueError, match="MultiHeadAttention keeps no keys and values"):
        Transformer(**options, attention=foreign).start_decoding(np.ones((1, 3), "int32"))
    mixes = keras.layers.Conv1D(8, 3, padding="causal")
    with pytest.raises(ValueError, match=r"Conv1D.* may look at other positions"):
        Transformer(**options, feed_forward=mixes).start_decoding(np.ones((1, 3), "int32"))
    alone = keras.layers.Dense(8)
    Transformer(**options, feed_forward=alone).start_decoding(np.ones((1, 3), "int32"))


def test_texts_longer_than_the_learned_positions_are_refused():
    position = LearnedPositions(8, 6)
    model = Transformer(1, 8, 2, 8, vocab_size=V, position=position)
    source = np.ones((1, 3), "int32")
    with pytest.raises(ValueError, match="cache_length=7 is more than the 6 positions"):
        model.start_decoding(source, cache_length=7)
    with pytest.raises(ValueError, match="num_positions of the model=6"):
        Greedy()(model.start_decoding(source), [[2]], max_new_tokens=7, end_id=3, pad_id=0)


@pytest.mark.parametrize("name", ["attention_mask", "token_type_ids"])
def test_names_of_hugging_face_mean_what_they_mean(name):
    model = shaken(Bert(V, 1, 8, 2, 8, heads=["pooled"]))
    ids, part = np.array([[5, 6, 7, 8]]), np.array([[1, 1, 0, 0]])
    ours = {"attention_mask": "padding_mask", "token_type_ids": "segment_ids"}[name]
    expected = model({"token_ids": ids, ours: part})["pooled"]
    np.testing.assert_array_equal(model({"input_ids": ids, name: part})["pooled"], expected)
    assert np.abs(expected - model(ids)["pooled"]).max() > 1e-4
    with pytest.raises(ValueError, match="twice"):
        model({"token_ids": ids, name: part, ours: part})


@pytest.mark.slow
def test_an_input_that_nobody_reads_is_refused_by_name():
    ids = np.array([[5, 6, 7]])
    with pytest.raises(ValueError, match="nothing reads the inputs 'paddin_mask'"):
        Bert(V, 1, 8, 2, 8)({"token_ids": ids, "paddin_mask": ids > 5})
    model = Transformer(1, 8, 2, 8, vocab_size=V)
    pair = {"source_ids": ids, "target_ids": ids}
    with pytest.raises(ValueError, match="'source_padding_mask' or 'target_padding_mask'"):
        model({**pair, "padding_mask": ids > 5})
    told = model({**pair, "attention_mask": ids < 7})
    np.testing.assert_array_equal(told, model({**pair, "source_padding_mask": ids < 7}))


@pytest.mark.slow
def test_a_compiled_decoding_sees_new_weights_and_keeps_its_trace():
    model, prompt = gpt(), np.array([[5, 6, 7]])
    first = written(model, prompt, new=20)
    traces = dict(model.traces)
    assert written(model, prompt, new=20) == first
    for weight in model.trainable_weights:
        weight.assign(-weight)
    changed = written(model, prompt, new=20)
    assert dict(model.traces) == traces
    ids = prompt
    for _ in range(20):
        best = np.array(model(ids)["lm"])[:, -1].argmax(-1)
        ids = np.concatenate([ids, best[:, None]], axis=1)
    assert changed == ids[:, 3:].tolist() != first


@pytest.mark.parametrize("prompts", [[[5, 6, 0], [7, 8, 9]], [[0, 0, 5], [7, 8, 9]]], ids=str)
@pytest.mark.parametrize("name", ["gpt", pytest.param("memory", marks=pytest.mark.slow)])
def test_several_tokens_at_once_behind_padded_prompts_are_what_they_are_one_by_one(name, prompts):
    inputs = {"token_ids": np.array(prompts, "int32")}
    inputs["padding_mask"] = inputs["token_ids"] != 0
    if name == "gpt":
        model = gpt(pad_id=0)
    else:
        sizes = {"num_layers": 2, "d_model": 16, "num_heads": 2, "dff": 32, "d_embed": 16}
        model = shaken(TransformerXL(V, **sizes, memory_length=4, cutoffs=()))
        memory = np.random.default_rng(0).normal(size=(2, 2, 4, 16)).astype("float32")
        inputs["memory"] = list(memory)
    following = np.array([[11, 12, 13], [14, 15, 16]])  # as many as a prompt has columns
    first = model.start_decoding(inputs, cache_length=8)
    _, cache = first(inputs["token_ids"], first.cache, 0)
    at_once, _ = first(following, cache, 3)
    for column in range(3):
        one_by_one, cache = first(following[:, column : column + 1], cache, 3 + column)
    np.testing.assert_allclose(at_once, one_by_one, rtol=1e-4, atol=1e-4)
