"""Writes the small golden folders of Transformer-XL and XLNet, whose calls hand on a memory.

Run it in an environment with torch and transformers 4.57:

    python tests/parity/make_recurrent_goldens.py [FOLDER]

`FOLDERS` is the list to add to; see make_goldens.py for the other families.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from transformers.models.deprecated import transfo_xl

VOCABULARY, WIDTH, ROWS = 37, 12, 2
XL = {
    "vocab_size": VOCABULARY,
    "d_model": WIDTH,
    "d_embed": WIDTH,
    "n_layer": 2,
    "n_head": 2,
    "d_head": 5,
    "d_inner": 20,
    "cutoffs": [],
    "div_val": 1,
    "mem_len": 4,
    "clamp_len": -1,
    "same_length": False,
}
XLNET = {"vocab_size": VOCABULARY, "d_model": WIDTH, "n_layer": 2, "n_head": 3, "d_inner": 20}
SHRINKING = {"d_embed": 8, "cutoffs": [10, 20], "div_val": 2}
# Folder → class, its configuration, and the cases in order: name, further arguments, use_mems.
SEGMENTS = [("first", [], True), ("second", [], True), ("labels", ["labels"], True)]
FOLDERS = {
    "transfo_xl/shrinking": ("TransfoXLLMHeadModel", {**XL, **SHRINKING}, SEGMENTS),
    "transfo_xl/own_projections": (
        "TransfoXLLMHeadModel",
        {**XL, **SHRINKING, "proj_share_all_but_first": False, "pre_lnorm": True},
        SEGMENTS,
    ),
    "transfo_xl/same_length": (
        "TransfoXLLMHeadModel",
        {**XL, "d_embed": 8, "same_length": True, "clamp_len": 3, "mem_len": 9},
        SEGMENTS,
    ),
    "transfo_xl/base": ("TransfoXLModel", XL, SEGMENTS[:2]),
    "xlnet/lm": (
        "XLNetLMHeadModel",
        {**XLNET, "mem_len": 6, "clamp_len": 4},
        [
            ("right_pad", ["token_type_ids", "attention_mask", "labels"], False),
            ("targets", ["attention_mask", "perm_mask", "target_mapping"], False),
            ("first", ["token_type_ids"], True),
            ("second", ["token_type_ids", "perm_mask", "target_mapping"], True),
        ],
    ),
    "xlnet/everything_remembered": (
        "XLNetLMHeadModel",
        {**XLNET, "reuse_len": 3, "ff_activation": "relu", "tie_word_embeddings": False},
        [("first", [], True), ("second", [], True)],
    ),
    "xlnet/causal": (
        "XLNetLMHeadModel",
        {**XLNET, "attn_type": "uni", "mem_len": 8, "same_length": True},
        [("first", ["target_mapping"], True), ("second", [], True)],
    ),
    "xlnet/seqcls": (
        "XLNetForSequenceClassification",
        {**XLNET, "num_labels": 4},
        [("left_pad", ["token_type_ids", "attention_mask", "row_labels"], False)],
    ),
    "xlnet/qa_beam": (
        "XLNetForQuestionAnswering",
        {**XLNET, "start_n_top": 2, "end_n_top": 3},
        [("right_pad", ["token_type_ids", "attention_mask", "cls_index"], False)],
    ),
}


def make_inputs(case, further, random):
    """Ids and the further arguments; segments differ in length."""
    length = 4 if case == "second" else 6
    shape = (ROWS, length)
    mask = np.ones(shape, "float32")
    mask[0, :2] = case != "left_pad"
    mask[0, -2:] *= case == "left_pad"
    ids = random.integers(1, VOCABULARY, shape)
    places = np.stack([random.permutation(length)[:2] for _ in range(ROWS)])
    made = {
        "attention_mask": mask,
        "token_type_ids": random.integers(0, 3, shape),
        "perm_mask": (random.random((ROWS, length, length)) < 0.5).astype("float32"),
        "target_mapping": np.eye(length, dtype="float32")[places],
        "labels": np.where(random.random(shape) < 0.8, ids, -100),
        "row_labels": random.integers(0, 4, ROWS),
        "cls_index": random.integers(0, length, ROWS),
    }
    given = {name.removeprefix("row_"): made[name] for name in further}
    return {"input_ids": ids, **given}


def flat(output):
    """The arrays of an output by name; those in tuples by name and numbers."""
    arrays = {}
    for name, value in output.items():
        values = {name: value} if torch.is_tensor(value) else {}
        if isinstance(value, (tuple, list)):
            values = flat({f"{name}.{n}": x for n, x in enumerate(value)})
        arrays |= {key: np.asarray(x) for key, x in values.items()}
    return arrays


def save(model, path):
    """Writes the model as save_pretrained does, tied weights once: under the embedding's name."""
    tensors, kept = {}, set()
    for name, tensor in sorted(model.state_dict().items(), key=lambda item: "crit." in item[0]):
        if tensor.data_ptr() not in kept:
            tensors[name] = tensor.contiguous()
            kept.add(tensor.data_ptr())
    save_file(tensors, path / "model.safetensors", metadata={"format": "pt"})
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(path)


def write(path, name, settings, asked):
    """Writes one folder; the memory that a case gives goes to the next."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    kind = getattr(transfo_xl if "TransfoXL" in name else transformers, name)
    model = kind(kind.config_class(**settings)).eval()
    model.tie_weights()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    save(model, path)
    inputs, outputs, cases, memory = {}, {}, {}, ()
    for case, further, remembers in asked:
        given = make_inputs(case, further, random)
        given |= {f"mems.{n}": np.asarray(x) for n, x in enumerate(memory if remembers else ())}
        arguments = {k: torch.from_numpy(x) for k, x in given.items() if "mems" not in k}
        if "XLNet" in name:
            arguments["use_mems"] = remembers
        if remembers and memory:
            arguments["mems"] = list(memory)
        if "labels" not in given:
            arguments |= {"output_hidden_states": True, "output_attentions": True}
        with torch.no_grad():
            output = model(**arguments)
        memory = output.get("mems") or memory
        computed = flat(output)
        if "labels" in given:  # then these have no axis of the batch
            computed.pop("prediction_scores", None)
        inputs |= {f"{case}.{key}": x for key, x in given.items()}
        outputs |= {f"{case}.{key}": x for key, x in computed.items()}
        cases[case] = {
            "call": "forward",
            "inputs": sorted(given),
            "options": {},
            "outputs": {key: f"{x.dtype}{list(x.shape)}" for key, x in computed.items()},
            "rows": {},
        }
    np.savez_compressed(path / "inputs.npz", **inputs)
    np.savez_compressed(path / "outputs.npz", **outputs)
    fixture = {
        "class": name,
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "tolerance": {"atol": 1e-4, "rtol": 1e-4},
        "cases": cases,
    }
    (path / "fixture.json").write_text(json.dumps(fixture, indent=1) + "\n")


def type_as(tensor, other=None, dtype=None, as_before=torch.Tensor.type_as):
    """Takes the argument `dtype`, which Transformer-XL passes and torch does not know."""
    return as_before(tensor, other) if dtype is None else tensor.to(dtype)


if __name__ == "__main__":
    torch.Tensor.type_as = type_as
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "goldens"
    for folder, (name, settings, cases) in FOLDERS.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        write(root / folder, name, settings, cases)
        print(folder)
