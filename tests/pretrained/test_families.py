"""Each family's folder: there and back to the bit, and only what the format can say."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tftransformer.masks import CausalMask, PaddingMask
from tftransformer.models import (
    T5,
    XLM,
    Bart,
    Deberta,
    DebertaV2,
    Gemma,
    Gemma2,
    Gemma3,
    Gpt,
    Gpt2,
    GptNeoX,
    Llama,
    Mistral,
    ModernBert,
    Phi,
    Qwen2,
    Qwen3,
    T5Encoder,
    Transformer,
    TransformerXL,
    XLNet,
)
from tftransformer.positions import SinusoidalPositions
from tftransformer.pretrained import load_pretrained, save_pretrained

OURS = Path(__file__).parents[1] / "parity" / "goldens"
ROOT = Path(os.environ.get("TFTRANSFORMER_PARITY_ROOT", OURS))
FAMILIES = ("bart", "deberta", "deberta_v2", "gemma", "gemma2", "gemma3", "gpt", "gpt2", "gpt_neox")
FAMILIES += ("llama", "marian", "mistral", "modernbert", "phi", "qwen2", "qwen3", "t5")
FAMILIES += ("transfo_xl", "xlm", "xlnet")
GOLDEN = sorted(path.parent for name in FAMILIES for path in ROOT.glob(f"{name}/*/config.json"))
SIZES = {"vocab_size": 30, "num_layers": 2, "d_model": 8, "num_heads": 2, "dff": 12}
LENGTH = {"num_positions": 16}
WHOLE = {**LENGTH, "dff": None}
T5_SIZES = {"head_width": 5, "num_buckets": 8, "max_distance": 6}
XL_SIZES = {"cutoffs": [8, 20], "d_embed": 4, "shrink": 2, "head_width": 3, "memory_length": 4}
MARIAN = {
    "position": SinusoidalPositions(8, layout="concatenated"),
    "head_bias": True,
    "epsilon": 1e-5,
    "activation": "silu",
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
}
SEPARATE = {"vocab_size": None, "source_vocab_size": 30, "target_vocab_size": 20}
SLOWER = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
LABELS = {"sequence_classification": {"labels": ["bad", "good", "odd"]}}
TAGS = {"token_classification": {"labels": 5}}
MODELS = [
    (Gpt, WHOLE),
    (Gpt, {**WHOLE, "heads": ["lm", "multiple_choice"], "tied": False, "activation": "relu"}),
    (Gpt, {**WHOLE, "heads": LABELS, "mask": CausalMask() & PaddingMask()}),
    (Gpt2, {**LENGTH, "scaled_by_depth": True, "pad_id": 3, "dropout": 0.3}),
    (Gpt2, {**LENGTH, "heads": []}),
    (Gpt2, {**LENGTH, "pad_id": 3, "end_id": [3, 5]}),
    (Gpt2, {**LENGTH, "heads": TAGS, "scaled_scores": False}),
    (Gpt2, {**LENGTH, "heads": ["span"], "activation": "gelu"}),
    (Llama, {"attention_bias": True, "feed_forward_bias": True, "end_id": [2, 5], "pad_id": 0}),
    (Llama, {"rotary_scaling": SLOWER, "tied": True, "heads": TAGS}),
    (Llama, {"num_key_value_heads": 1, "head_width": 6, "heads": ["span"]}),
    (Mistral, {"windows": 3, "heads": LABELS}),
    (Mistral, {"windows": None, "activation": "gelu_tanh"}),
    (Qwen2, {"windows": [None, 4], "heads": ["span"]}),
    (Qwen3, {"attention_bias": True, "head_width": 6, "rotary_base": 500.0}),
    (Gemma, {"num_key_value_heads": 1, "activation": "gelu", "heads": LABELS}),
    (Gemma2, {"score_cap": None, "score_width": 3.0, "windows": [None, 2]}),
    (Gemma2, {"logit_cap": None, "windows": None, "tied": False}),
    (Gemma3, {"rotary_scaling": {"rope_type": "linear", "factor": 8.0}, "windows": [2, 2]}),
    (Gemma3, {"windows": [2, None], "window_rotary_base": 100.0, "heads": LABELS}),
    (Phi, {"query_key_norm": True, "embedding_dropout": 0.1, "heads": TAGS}),
    (Phi, {"rotary_share": 1.0, "dropout": 0.2, "tied": True}),
    (GptNeoX, {"parallel": None, "attention_bias": False, "rotary_share": 0.5}),
    (GptNeoX, {"rotary_base": 99.0, "rotary_share": 1.0, "heads": TAGS, "dropout": 0.2}),
    (XLM, {**WHOLE, "languages": 3, "sinusoidal": True}),
    (XLM, {**WHOLE, "causal": True, "heads": TAGS, "activation": "relu"}),
    (XLM, {**WHOLE, "heads": ["multiple_choice"], "choice_width": 4}),
    (XLM, {**WHOLE, "heads": ["span_beam"], "starts": 2, "ends": 3}),
    (XLM, {**WHOLE, "heads": LABELS, "tied": False}),
    (T5, T5_SIZES),
    (
        T5,
        {**T5_SIZES, "activation": "gelu_tanh", "gated": True, "tied": False, "num_layers": (1, 2)},
    ),
    (T5, {**T5_SIZES, "heads": LABELS, "start_id": 4, "end_id": 7}),
    (T5, {**T5_SIZES, "heads": ["span"], "activation": "silu", "gated": True}),
    (T5Encoder, {**T5_SIZES, "heads": TAGS}),
    (T5Encoder, T5_SIZES),
    (TransformerXL, XL_SIZES),
    (TransformerXL, {**XL_SIZES, "tie_projections": False, "norm": "pre", "same_length": False}),
    (TransformerXL, {**XL_SIZES, "shrink": 1, "clamp": None, "memory_length": 0}),
    (TransformerXL, {**XL_SIZES, "cutoffs": [], "d_embed": None, "shrink": 1, "heads": LABELS}),
    (TransformerXL, {**XL_SIZES, "heads": []}),
    (XLNet, {"memory_length": 5, "reuse_length": 2, "causal": True, "clamp": 3}),
    (XLNet, {"heads": ["multiple_choice"], "summary_activation": "linear"}),
    (XLNet, {"heads": ["span_beam"], "starts": 2, "ends": 3, "epsilon": 1e-5}),
    (XLNet, {"heads": LABELS, "activation": "relu"}),
    (XLNet, {"heads": TAGS}),
    (XLNet, {"heads": [], "tied": False}),
    (Transformer, MARIAN),
    (Transformer, {**MARIAN, "num_layers": (2, 1), "num_heads": (4, 2), "scale_embeddings": False}),
    (Transformer, {**MARIAN, "tie": "none"}),
    (Transformer, {**MARIAN, **SEPARATE}),
    (Transformer, {**MARIAN, **SEPARATE, "tie": "none"}),
    (Bart, LENGTH),
    (Bart, {**LENGTH, "num_layers": (2, 1), "num_heads": (4, 2), "scale_embeddings": True}),
    (Bart, {**LENGTH, "heads": LABELS, "start_id": 4, "end_id": 7, "pad_id": 0}),
    (Bart, {**LENGTH, "heads": ["span"], "activation": "relu", "classifier_dropout": 0.3}),
    (Bart, {**LENGTH, "heads": []}),
    (DebertaV2, {**LENGTH, "buckets": 4}),
    (DebertaV2, {**LENGTH, "buckets": 4, "neighbours": 2, "convolution_activation": "gelu"}),
    (DebertaV2, {**LENGTH, "buckets": None, "max_distance": 5, "distance_norm": False}),
    (DebertaV2, {**LENGTH, "shared": False, "terms": ["c2p"], "buckets": None, "segments": 3}),
    (DebertaV2, {**LENGTH, "relative": False, "in_embeddings": True, "heads": TAGS}),
    (DebertaV2, {**LENGTH, "terms": [], "buckets": 4, "heads": ["span"]}),
    (DebertaV2, {**LENGTH, "buckets": 4, "heads": LABELS, "pooler_activation": "tanh"}),
    (DebertaV2, {**LENGTH, "buckets": 4, "heads": ["multiple_choice"], "pooler_dropout": 0.3}),
    (DebertaV2, {**LENGTH, "buckets": 4, "heads": [], "activation": "silu", "epsilon": 1e-5}),
    (Deberta, {**LENGTH, "max_distance": 5}),
    (Deberta, {**LENGTH, "terms": ["p2c"], "in_embeddings": True, "segments": 2, "heads": TAGS}),
    (Deberta, {**LENGTH, "relative": False, "heads": LABELS}),
    (Deberta, {**LENGTH, "heads": ["span"], "tied": False, "dropout": 0.3}),
    (ModernBert, {"num_layers": 3, "window": 2, "global_base": 50.0, "local_base": 9.0}),
    (ModernBert, {"global_layers": 1, "heads": TAGS, "norm_bias": True, "attention_bias": True}),
    (ModernBert, {"num_layers": 4, "global_layers": [1, 2], "heads": LABELS, "pooling": "mean"}),
    (ModernBert, {"heads": ["span"], "activation": "silu", "head_activation": "relu"}),
    (ModernBert, {"heads": ["multiple_choice"], "feed_forward_bias": True, "head_bias": True}),
    (ModernBert, {"heads": ["masked_lm"], "tied": False, "output_bias": False, "pad_id": None}),
    (ModernBert, {"heads": []}),
]


def make(kind, **options):
    model = kind(**{**SIZES, **options})
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape))
    return model


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(("kind", "options"), MODELS)
def test_round_trip_is_equal_to_the_bit(kind, options, tmp_path):
    model = make(kind, **options)
    save_pretrained(model, tmp_path)
    loaded = load_pretrained(tmp_path)
    assert type(loaded.model) is kind
    assert loaded.missing == loaded.unexpected == []
    assert getattr(loaded.model, "heads", {}).keys() == getattr(model, "heads", {}).keys()
    assert len(loaded.model.weights) == len(model.weights)
    for one, other in zip(loaded.model.weights, model.weights, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)
    save_pretrained(loaded.model, tmp_path / "again")
    for file in ("config.json", "model.safetensors"):
        assert (tmp_path / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
    ids = np.array([[5, 6, 7, 3], [8, 9, 1, 7]], "int32")
    inputs = ids
    if kind in (Bart, T5, Transformer):
        inputs = {"source_ids": ids, "target_ids": ids}
    one, other = loaded.model(inputs), model(inputs)
    if kind is not Transformer:
        one, other = one["hidden"], other["hidden"]
    np.testing.assert_array_equal(one, other)


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("folder", GOLDEN, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_is_saved_is_what_was_read(folder, tmp_path):
    """The same tensors under the same names, and no entry of the config says another thing."""
    save_pretrained(load_pretrained(folder).model, tmp_path)
    before, after = (load_file(path / "model.safetensors") for path in (folder, tmp_path))
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        np.testing.assert_array_equal(after[name], tensor, err_msg=name)
    before, after = (json.loads((path / "config.json").read_text()) for path in (folder, tmp_path))
    for entry in before.keys() & after.keys():
        same_activation = (before[entry], after[entry]) == ("swish", "silu")
        assert same_activation or after[entry] == before[entry], entry
    assert before["architectures"] == after["architectures"]


@pytest.mark.slow_after(2)
@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (Gpt, {**WHOLE, "mask": PaddingMask()}, "no name for mask"),
        (Gpt, {**LENGTH, "dff": 12}, "no name for dff"),
        (XLM, {**LENGTH, "dff": 12}, "no name for dff"),
        (XLM, {**WHOLE, "mask": PaddingMask()}, "no name for mask"),
        (Bart, {**LENGTH, "cross_mask": CausalMask()}, "no name for cross_mask"),
        (Bart, {**LENGTH, "epsilon": 1e-6}, "no name for epsilon"),
        (Deberta, {"mask": CausalMask()}, "no name for mask"),
        (ModernBert, {"mask": CausalMask()}, "no name for mask"),
        (T5, {**T5_SIZES, "decoder_mask": PaddingMask()}, "no name for decoder_mask"),
        (T5, {**T5_SIZES, "activation": "gelu", "gated": True}, "no name for"),
        (Transformer, {**MARIAN, "epsilon": 1e-6}, "no name for epsilon"),
        (Transformer, {**MARIAN, "position": SinusoidalPositions(8)}, "no name for position"),
        (Transformer, {**MARIAN, "head_bias": False}, "no name for head_bias"),
        (Transformer, {}, "build the model with them"),
    ],
)
def test_what_the_format_cannot_say_is_refused(kind, options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        save_pretrained(make(kind, **options), tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


@pytest.mark.slow
def test_a_head_tied_to_the_target_is_found_under_its_own_name(tmp_path):
    model = make(Transformer, **MARIAN, **SEPARATE)
    save_pretrained(model, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors["lm_head.weight"] = tensors.pop("model.decoder.embed_tokens.weight")
    save_file(tensors, tmp_path / "model.safetensors")
    loaded = load_pretrained(tmp_path)
    assert loaded.missing == loaded.unexpected == []
    np.testing.assert_array_equal(
        loaded.model.decoder.embeddings.table.embeddings, model.head.tied_to.embeddings
    )


@pytest.mark.slow
def test_a_head_of_its_own_beside_one_table_of_both_sides_is_refused(tmp_path):
    save_pretrained(make(Transformer, **MARIAN), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}))
    with pytest.raises(ValueError, match="tie_word_embeddings"):
        load_pretrained(tmp_path)
