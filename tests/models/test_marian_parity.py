"""The Transformer against the golden numbers of Marian's reference implementation."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tftransformer.decoding import (
    BadWords,
    BeamSearch,
    ForcedEnd,
    Greedy,
    NoRepeatNgrams,
    PowerLengthPenalty,
    RepetitionPenalty,
)
from tftransformer.models import Transformer
from tftransformer.positions import SinusoidalPositions

ROOT = os.environ.get("TFTRANSFORMER_PARITY_ROOT", Path(__file__).parents[3] / "shared" / "parity")
FOLDER = Path(ROOT) / "marian"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the golden files are not here")
FIXTURES = ("mt", "mt_asym", "norm_eps")
LONG = pytest.param("decode", marks=pytest.mark.slow)
# Our layers under the reference's names.
ATTENTIONS = {"attention": "self_attn", "cross_attention": "encoder_attn"}
PROJECTIONS = {
    "query": "q_proj",
    "key": "k_proj",
    "value": "v_proj",
    "output_projection": "out_proj",
}
NORMS = {
    "attention_residual": "self_attn_layer_norm",
    "cross_attention_residual": "encoder_attn_layer_norm",
    "feed_forward_residual": "final_layer_norm",
}


class Fixture:
    """One folder: the model with its weights, and the cases with their inputs and outputs."""

    def __init__(self, name):
        from safetensors.numpy import load_file

        folder = FOLDER / name
        self.config = json.loads((folder / "config.json").read_text())
        self.meta = json.loads((folder / "fixture.json").read_text())
        self.inputs, self.outputs = (
            dict(np.load(folder / f"{which}.npz")) for which in ("inputs", "outputs")
        )
        self.model = build(self.config)
        fill(self.model, load_file(folder / "model.safetensors"))

    def cases(self, call):
        for case, spec in self.meta["cases"].items():
            if spec["call"] == call:
                given = {name: self.inputs[f"{case}.{name}"] for name in spec["inputs"]}
                wanted = {name: self.outputs[f"{case}.{name}"] for name in spec["outputs"]}
                yield case, given, spec["options"], wanted

    def assert_close(self, actual, expected, label):
        np.testing.assert_allclose(actual, expected, **self.meta["tolerance"], err_msg=label)


def build(config):
    model = Transformer(
        num_layers=(config["encoder_layers"], config["decoder_layers"]),
        d_model=config["d_model"],
        num_heads=(config["encoder_attention_heads"], config["decoder_attention_heads"]),
        dff=(config["encoder_ffn_dim"], config["decoder_ffn_dim"]),
        vocab_size=config["vocab_size"],
        head_bias=True,
        activation=config["activation_function"],
        epsilon=1e-5,
        position=SinusoidalPositions(config["d_model"], layout="concatenated"),
        pad_id=config["pad_token_id"],
    )
    model.build()
    return model


def fill(model, weights):
    """Assigns the reference's weights; each must find its place."""
    left = dict(weights)

    def dense(layer, name):
        layer.kernel.assign(left.pop(f"{name}.weight").T)
        layer.bias.assign(left.pop(f"{name}.bias"))

    for side in ("encoder", "decoder"):
        for n, layer in enumerate(getattr(model, side).layers):
            prefix = f"model.{side}.layers.{n}"
            for ours, theirs in ATTENTIONS.items():
                for projection, name in PROJECTIONS.items():
                    if hasattr(layer, ours):
                        attention = getattr(layer, ours)
                        dense(getattr(attention, projection), f"{prefix}.{theirs}.{name}")
            for ours, theirs in NORMS.items():
                if hasattr(layer, ours):
                    norm = getattr(layer, ours).norm
                    norm.gamma.assign(left.pop(f"{prefix}.{theirs}.weight"))
                    norm.beta.assign(left.pop(f"{prefix}.{theirs}.bias"))
            dense(layer.feed_forward.inner, f"{prefix}.fc1")
            dense(layer.feed_forward.outer, f"{prefix}.fc2")
    model.head.tied_to.embeddings.assign(left.pop("model.shared.weight"))
    model.head.bias.assign(left.pop("final_logits_bias")[0])
    assert not left


@pytest.fixture(scope="module", params=[*FIXTURES, LONG])
def fixture(request):
    return Fixture(request.param)


def test_forward(fixture):
    """Logits, hidden states, attention maps and loss, with padding on either side."""
    start = pad = fixture.config["pad_token_id"]
    for case, given, _, wanted in fixture.cases("forward"):
        source, target = given["input_ids"], given.get("decoder_input_ids")
        if target is None:
            target = np.concatenate([np.full((3, 1), start), given["labels"][:, :-1]], axis=1)
            target = np.where(target == -100, pad, target)
        # The start token is the pad id here, so the ids do not tell what is padding.
        details = fixture.model.details({
            "source_ids": source.astype("int32"),
            "target_ids": target.astype("int32"),
            "source_padding_mask": given.get("attention_mask", np.ones_like(source)) == 1,
            "target_padding_mask": given.get("decoder_attention_mask", np.ones_like(target)) == 1,
        })  # fmt: skip
        flat = {"logits": details["logits"]}
        flat["encoder_last_hidden_state"] = details["encoder_hidden_states"][-1]
        for name, tensors in details.items():
            if name != "logits":
                flat |= {f"{name}.{n}": tensor for n, tensor in enumerate(tensors)}
        if "labels" in given:
            logits, labels = np.array(flat["logits"], "float64"), given["labels"]
            log_normalizer = np.log(np.exp(logits).sum(-1))
            chosen = np.take_along_axis(logits, np.maximum(labels, 0)[..., None], -1)[..., 0]
            flat["loss"] = (log_normalizer - chosen)[labels != -100].mean()
        for name, expected in wanted.items():
            fixture.assert_close(flat[name], expected, f"{case}.{name}")


def test_decoding(fixture):
    """Greedy and beam search through the cache: the same ids, step logits and scores."""
    end, pad = fixture.config["eos_token_id"], fixture.config["pad_token_id"]
    for case, given, options, wanted in fixture.cases("generate"):
        source = given["input_ids"].astype("int32")
        limit, beams = options["max_length"], options["num_beams"]
        processors = []
        if "repetition_penalty" in options:
            processors.append(RepetitionPenalty(options["repetition_penalty"]))
        if "no_repeat_ngram_size" in options:
            processors.append(NoRepeatNgrams(options["no_repeat_ngram_size"]))
        processors += [BadWords([[pad]]), ForcedEnd(limit, end)]
        step, cache = fixture.model.start_decoding(source, limit, copies=beams)
        strategy = Greedy()
        if beams > 1:
            strategy = BeamSearch(
                beams,
                length_penalty=PowerLengthPenalty(options["length_penalty"]),
                early_stopping=options["early_stopping"],
                num_return=options.get("num_return_sequences", 1),
            )
        start = np.full((len(source), 1), fixture.config["decoder_start_token_id"], "int32")
        decoded = strategy(
            step, cache, start, max_new_tokens=limit - 1, end_id=end, pad_id=pad,
            processors=processors,
        )  # fmt: skip
        ids = np.array(decoded.ids).reshape(-1, limit - 1)
        lengths = np.array(decoded.lengths).reshape(-1)
        for row, expected in enumerate(wanted["sequences"][:, 1:]):
            ends = np.flatnonzero(expected == end)
            length = ends[0] + 1 if len(ends) else len(expected)
            assert ids[row, :length].tolist() == expected[:length].tolist(), f"{case}, row {row}"
            assert lengths[row] == length
        if beams > 1:
            scores = np.reshape(decoded.scores, -1)
            fixture.assert_close(scores, wanted["sequences_scores"], case)
        else:
            check_step_logits(fixture, source, wanted, lengths, limit, case)


def check_step_logits(fixture, source, wanted, lengths, limit, case):
    """Feeds the expected ids, and compares each step's logits until a row has ended."""
    step, cache = fixture.model.start_decoding(source, limit)
    for position in range(wanted["step_logits"].shape[1]):
        ids = wanted["sequences"][:, position : position + 1].astype("int32")
        logits, cache = step(ids, cache, position)
        open_rows = position < lengths
        expected = wanted["step_logits"][open_rows, position]
        fixture.assert_close(np.array(logits)[open_rows], expected, f"{case}, step {position}")


def test_position_table():
    fixture = Fixture("mt")
    table = fixture.outputs["static.position_table"]
    position = fixture.model.encoder.embeddings.position
    np.testing.assert_allclose(position(np.arange(len(table))), table, atol=1e-5)
