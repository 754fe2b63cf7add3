"""Encoder and Decoder against the golden numbers of torch.nn.Transformer."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tftransformer.layers import LayerState, StackState
from tftransformer.stacks import Decoder, Encoder

ROOT = os.environ.get("TFTRANSFORMER_PARITY_ROOT", "no such folder")
FOLDER = Path(ROOT) / "transformer"
ATTENTIONS = {"attention": "self_attn", "cross_attention": "multihead_attn"}


def fill(stack, side, weights):
    """Assigns the weights of one side; queries, keys and values are stacked in one matrix."""

    def take(name):
        return weights.pop(f"{side}.{name}")

    def dense(layer, weight, bias):
        layer.kernel.assign(weight.T)
        layer.bias.assign(bias)

    def fill_norm(norm, name):
        norm.gamma.assign(take(f"{name}.weight"))
        norm.beta.assign(take(f"{name}.bias"))

    for n, layer in enumerate(stack.layers):
        residuals = [layer.attention_residual, layer.feed_forward_residual]
        if side == "decoder":
            residuals.insert(1, layer.cross_attention_residual)
        for ours, theirs in ATTENTIONS.items():
            if hasattr(layer, ours):
                attention, name = getattr(layer, ours), f"layers.{n}.{theirs}"
                kernels = np.split(take(f"{name}.in_proj_weight"), 3)
                biases = np.split(take(f"{name}.in_proj_bias"), 3)
                projections = (attention.query, attention.key, attention.value)
                for projection, kernel, bias in zip(projections, kernels, biases, strict=True):
                    dense(projection, kernel, bias)
                output = [take(f"{name}.out_proj.{part}") for part in ("weight", "bias")]
                dense(attention.output_projection, *output)
        for number, residual in enumerate(residuals, start=1):
            fill_norm(residual.norm, f"layers.{n}.norm{number}")
        for ours, theirs in (("inner", "linear1"), ("outer", "linear2")):
            parts = [take(f"layers.{n}.{theirs}.{part}") for part in ("weight", "bias")]
            dense(getattr(layer.feed_forward, ours), *parts)
    fill_norm(stack.final_norm, "norm")


@pytest.mark.parametrize(
    "folder", sorted(file.parent for file in FOLDER.glob("*/fixture.json")), ids=lambda f: f.name
)
def test_equals_torch(folder):
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text())
    meta = json.loads((folder / "fixture.json").read_text())
    inputs, outputs = np.load(folder / "inputs.npz"), np.load(folder / "outputs.npz")
    width = config["d_model"]
    options = {
        "d_model": width,
        "num_heads": config["nhead"],
        "dff": config["dim_feedforward"],
        "activation": config["activation"],
        "norm": "pre" if config["norm_first"] else "post",
        "epsilon": config["layer_norm_eps"],
        "final_norm": True,
    }
    encoder = Encoder(config["num_encoder_layers"], **options)
    decoder = Decoder(config["num_decoder_layers"], **options)
    encoder.build((None, None, width))
    decoder.build((None, None, width), (None, None, width))
    weights = load_file(folder / "model.safetensors")
    fill(encoder, "encoder", weights)
    fill(decoder, "decoder", weights)
    assert not weights
    for case, spec in meta["cases"].items():
        given = {key: inputs[f"{case}.{key}"] for key in spec["inputs"]}
        states = [StackState([LayerState() for _ in stack.layers]) for stack in (encoder, decoder)]
        source, target = ~given["src_padding"], ~given["tgt_padding"]
        actual = {"memory": encoder(given["src"], padding_mask=source, state=states[0])}
        actual["output"] = decoder(
            given["tgt"],
            actual["memory"],
            padding_mask=target,
            encoder_padding_mask=source,
            state=states[1],
        )
        for side, state in zip(("encoder", "decoder"), states, strict=True):
            for n, hidden in enumerate(state.hidden_states):
                actual[f"{side}_hidden_states.{n}"] = hidden
            for n, layer in enumerate(state.layers):
                actual[f"{side}_attentions.{n}"] = layer.self_attention.weights
                actual[f"cross_attentions.{n}"] = layer.cross_attention.weights
        for key in spec["outputs"]:
            label = f"{case}.{key}"
            np.testing.assert_allclose(
                actual[key], outputs[label], **meta["tolerance"], err_msg=label
            )
