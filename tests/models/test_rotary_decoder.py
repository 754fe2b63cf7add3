"""What Llama and its kin choose: positions that turn, windows by layer, ids that end a text."""

import numpy as np
import pytest

import tftransformer as tt

SIZES = {"vocab_size": 20, "num_layers": 3, "d_model": 8, "num_heads": 2, "dff": 12}
IDS = np.random.default_rng(0).integers(3, 20, (2, 7)).astype("int32")


def drawn(kind, **options):
    """A model whose weights are large enough to tell positions apart."""
    model = kind(**SIZES, **options)
    for weight in model.weights:
        if weight.name in ("kernel", "embeddings"):
            weight.assign(20 * weight)
    return model


def with_weights_of(other, **options):
    model = type(other)(**SIZES, **options)
    for weight, value in zip(model.weights, other.weights, strict=True):
        weight.assign(value)
    return model


def test_position_ids_turn_queries_and_keys():
    model = drawn(tt.Llama)
    slower = with_weights_of(model, rotary_scaling={"rope_type": "linear", "factor": 2.0})
    positions = np.tile(2 * np.arange(7, dtype="int32") + 30, (2, 1))
    found = slower({"token_ids": IDS, "position_ids": positions})["lm"]
    np.testing.assert_allclose(found, model(IDS)["lm"], atol=1e-5)
    assert np.abs(slower(IDS)["lm"] - model(IDS)["lm"]).max() > 1e-3


def test_positions_are_counted_on_behind_a_prompt_that_numbers_its_own():
    model = drawn(tt.Llama)
    positions = np.array([[4, 5, 9], [0, 2, 3]], "int32")
    prompts = {"token_ids": IDS[:, :3], "position_ids": positions}
    step = model.start_decoding(prompts)
    _, cache = step(IDS[:, :3], step.cache, 0)
    found, _ = step(IDS[:, 3:4], cache, 3)
    whole = np.concatenate([positions, positions[:, -1:] + 1], axis=1)
    wanted = model({"token_ids": IDS[:, :4], "position_ids": whole})["lm"][:, -1]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_window_hides_what_is_further_back_than_it_is_wide():
    model = tt.Mistral(**{**SIZES, "num_layers": 1}, windows=3)
    changed = IDS.copy()
    changed[:, 2] = 1
    differs = np.abs(np.asarray(model(IDS)["lm"]) - model(changed)["lm"]).max((0, 2)) > 0
    assert differs.tolist() == [False, False, True, True, True, False, False]


def test_windows_come_from_the_number_of_a_layer_and_are_kept_as_a_list():
    model = tt.Gemma3(**{**SIZES, "num_layers": 7})
    assert model.windows == [512] * 5 + [None, 512]
    bases = [layer.attention.rotary.base for layer in model.stack.layers]
    assert bases == [10000.0] * 5 + [1000000.0, 10000.0]
    assert tt.Gemma3.from_config(model.get_config()).windows == model.windows


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"windows": [4, None]}, "windows lists 2 numbers for 3 layers"),
        ({"windows": 0}, "window=0 was given"),
        ({"rotary_share": 0.25}, "rotary_share=0.25 was given; .* even number of the 4 features"),
        ({"rotary_scaling": {"rope_type": "dynamic"}}, "rope_type='dynamic'"),
        ({"num_key_value_heads": 3}, "num_key_value_heads=3"),
    ],
)
def test_what_makes_no_model_is_refused_in_words(options, said):
    with pytest.raises(ValueError, match=said):
        tt.Llama(**SIZES, **options)


@pytest.mark.parametrize(("end_id", "hides"), [(1, True), ([1, 2], True), (0, False), ([0], False)])
def test_padding_is_told_by_its_id_unless_that_ends_texts(end_id, hides):
    model = tt.Llama(**SIZES, pad_id=0, end_id=end_id)
    mask = model.stack.embeddings.compute_mask(np.array([[5, 0]]))
    assert (mask is not None) == hides


def test_caps_bound_logits_and_scores():
    model = tt.Gemma2(**SIZES, logit_cap=0.01)
    assert np.abs(model(IDS)["lm"]).max() <= 0.01
