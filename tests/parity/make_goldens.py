"""Writes small golden folders with the reference implementation, for where no larger tree is.

Run it in an environment with torch and transformers 4.57:

    python tests/parity/make_goldens.py [FOLDER]

Each folder has the weights of a tiny random model, the inputs and outputs of a few calls, and
fixture.json, which says what was called. `FAMILIES` is the list to add to.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers

BATCH, LENGTH = 2, 7
SMALL = {
    "vocab_size": 37,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "max_position_embeddings": 16,
}
ROBERTA = {**SMALL, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
LABELS = {"num_labels": 4}
# Folder → class, its configuration, the case's further arguments.
FAMILIES = {
    "bert/pretraining": ("BertForPreTraining", SMALL, ["labels", "next_sentence_label"]),
    "bert/mlm_relu": ("BertForMaskedLM", {**SMALL, "hidden_act": "relu"}, ["labels"]),
    "bert/base_segments": ("BertModel", {**SMALL, "type_vocab_size": 5}, []),
    "bert/causal_lm": (
        "BertLMHeadModel",
        {**SMALL, "is_decoder": True, "hidden_act": "gelu_new"},
        ["labels"],
    ),
    "bert/seqcls": ("BertForSequenceClassification", {**SMALL, **LABELS}, ["row_labels"]),
    "bert/tokcls": ("BertForTokenClassification", {**SMALL, **LABELS}, ["token_labels"]),
    "bert/qa": ("BertForQuestionAnswering", SMALL, ["start_positions", "end_positions"]),
    "bert/multichoice": ("BertForMultipleChoice", SMALL, ["choices"]),
    "roberta/mlm": ("RobertaForMaskedLM", {**ROBERTA, "hidden_act": "silu"}, ["labels"]),
    "roberta/base_pad3": ("RobertaModel", {**ROBERTA, "pad_token_id": 3}, []),
    "roberta/causal_lm": ("RobertaForCausalLM", {**ROBERTA, "is_decoder": True}, ["labels"]),
    "roberta/seqcls": ("RobertaForSequenceClassification", {**ROBERTA, **LABELS}, ["row_labels"]),
    "roberta/multichoice": ("RobertaForMultipleChoice", ROBERTA, ["choices"]),
}


def make_inputs(config, further, side, random):
    """Ids with padding on one side, and labels as the class wants them."""
    shape = (BATCH, 3, LENGTH) if "choices" in further else (BATCH, LENGTH)
    ids = random.integers(4, config.vocab_size, shape)
    mask = np.ones(shape, "int64")
    hidden = slice(LENGTH - 2, None) if side == "right" else slice(None, 2)
    mask[0, ..., hidden] = 0
    inputs = {"input_ids": np.where(mask == 1, ids, config.pad_token_id), "attention_mask": mask}
    if config.type_vocab_size > 1:
        inputs["token_type_ids"] = random.integers(0, config.type_vocab_size, shape)
    labels = {
        "labels": lambda: np.where(mask == 1, random.integers(0, config.vocab_size, shape), -100),
        "token_labels": lambda: np.where(mask == 1, random.integers(0, 4, shape), -100),
        "row_labels": lambda: random.integers(0, 4, BATCH),
        "choices": lambda: random.integers(0, 3, BATCH),
    }
    for name in further:
        made = labels.get(name, lambda: random.integers(0, 2, BATCH))()
        inputs["labels" if name in labels else name] = made
    return inputs


def flat(output):
    """The arrays of an output by name; those in tuples by name and number."""
    arrays = {}
    for name, value in output.items():
        if isinstance(value, tuple):
            arrays |= {f"{name}.{n}": x.numpy() for n, x in enumerate(value) if torch.is_tensor(x)}
        elif torch.is_tensor(value):
            arrays[name] = value.numpy()
    return {name: array for name, array in arrays.items() if "past_key_values" not in name}


def write(path, name, settings, further):
    """Writes one folder."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    kind = getattr(transformers, name)
    config = kind.config_class(**settings)
    model = kind._from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for parameter in model.parameters():  # norms and biases too are noise about their values
            parameter += 0.2 * torch.randn_like(parameter)
    model.save_pretrained(path)
    cases, inputs, outputs = {}, {}, {}
    for side in ("right", "left"):
        # On the left, padding that sees nothing would predict the first token: no loss there.
        asked = [] if config.is_decoder and side == "left" else further
        case, given = f"{side}_pad", make_inputs(config, asked, side, random)
        with torch.no_grad():
            computed = flat(
                model(
                    **{key: torch.from_numpy(value) for key, value in given.items()},
                    output_hidden_states=True,
                    output_attentions=True,
                )
            )
        inputs |= {f"{case}.{key}": value for key, value in given.items()}
        rows = {}
        if config.is_decoder and side == "left":
            rows = {"hidden_states": 1, "logits": 1, "attentions": 2}
            visible = given["attention_mask"] == 1
            inputs |= {f"{case}.rows_{prefix}": visible for prefix in rows}
        outputs |= {f"{case}.{key}": value for key, value in computed.items()}
        cases[case] = {
            "call": "forward",
            "inputs": sorted(given),
            "options": {},
            "outputs": {k: f"{v.dtype}{list(v.shape)}" for k, v in computed.items()},
            "rows": rows,
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


if __name__ == "__main__":
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "goldens"
    for folder, (name, settings, further) in FAMILIES.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        write(root / folder, name, settings, further)
        print(folder)
