"""Writes small golden folders with the reference implementation, for where no larger tree is.

Run it in an environment with torch and transformers 4.57:

    python tests/parity/make_goldens.py [FOLDER [PREFIX …]]

Each folder has the weights of a tiny random model, the inputs and outputs of a few calls, and
fixture.json, which says what was called. `golden_models.FAMILIES` is the list to add to.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from golden_models import FAMILIES

BATCH, LENGTH = 2, 7
CAUSAL = ("gpt2", "openai-gpt", "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2")
CAUSAL += ("gemma3_text", "phi", "gpt_neox")
# Outputs that have positions, and their axis.
ROWS = {"last_hidden_state": 1, "hidden_states": 1, "attentions": 2, "start_logits": 1}
ROWS |= {"end_logits": 1, "logits": 1}
# What is an argument `labels`.
LABELLED = ("labels", "token_labels", "row_labels", "choices", "replaced")


def make_inputs(config, further, side, random):
    """Ids with padding on one side, and labels as the class wants them."""
    has_choices = not {"choices", "mc_labels"}.isdisjoint(further)
    shape = (BATCH, 3, LENGTH) if has_choices else (BATCH, LENGTH)
    ids = random.integers(4, config.vocab_size - 1, shape)
    mask = np.ones(shape, "int64")
    hidden = slice(LENGTH - 2, None) if side == "right" else slice(None, 2)
    mask[0, ..., hidden] = 0
    if config.model_type in ("mbart", "t5"):  # whose classifier reads the one end token
        ids[np.arange(BATCH), mask.cumsum(-1).argmax(-1)] = config.eos_token_id
    inputs = {"input_ids": np.where(mask == 1, ids, config.pad_token_id), "attention_mask": mask}
    if getattr(config, "type_vocab_size", 1) > 1:
        inputs["token_type_ids"] = random.integers(0, config.type_vocab_size, shape)
    labels = {
        "labels": lambda: np.where(mask == 1, random.integers(0, config.vocab_size, shape), -100),
        "token_labels": lambda: np.where(mask == 1, random.integers(0, 4, shape), -100),
        "replaced": lambda: random.integers(0, 2, shape),
        "row_labels": lambda: random.integers(0, 4, BATCH),
        "p_mask": lambda: 1.0 - mask.astype("float32"),
        "langs": lambda: random.integers(0, config.n_langs, shape),
        "mc_labels": lambda: random.integers(0, 3, BATCH),
        "choices": lambda: random.integers(0, 3, BATCH),
    }
    if "mc_labels" in further:
        inputs["mc_token_ids"] = random.integers(2, LENGTH - 2, shape[:2])
        if config.model_type == "openai-gpt":
            inputs["attention_mask"] = mask.reshape(-1, LENGTH)
    for name in further:
        if name == "generate":
            continue
        made = labels.get(name, lambda: random.integers(0, 2, BATCH))()
        inputs["labels" if name in LABELLED else name] = made
    return inputs


def flat(output, config):
    """The arrays of an output by name; those in tuples by name and number."""
    arrays = {}
    for name, value in output.items():
        if isinstance(value, tuple):
            if name == "hidden_states" and config.model_type == "modernbert":
                value = value[:-1]  # versions differ in whether the last one is normed
            arrays |= {f"{name}.{n}": x.numpy() for n, x in enumerate(value) if torch.is_tensor(x)}
        elif torch.is_tensor(value):
            arrays[name] = value.numpy()
    return {name: array for name, array in arrays.items() if "past_key_values" not in name}


def run(call, given, **options):
    """Calls the reference with arrays."""
    with torch.no_grad():
        return call(**{key: torch.from_numpy(value) for key, value in given.items()}, **options)


def rank(computed, name):
    """The number of axes of an output, 0 where there is none."""
    arrays = [array for key, array in computed.items() if name in (key, key.rpartition(".")[0])]
    return arrays[0].ndim if arrays else 0


def write(path, name, settings, further):
    """Writes one folder."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    kind = getattr(transformers, name)
    config = kind.config_class(**settings)
    model = kind._from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for parameter in model.parameters():  # norms and biases too are noise about their values
            if parameter.requires_grad:  # a table of sines is not in the file
                parameter += 0.2 * torch.randn_like(parameter)
    model.save_pretrained(path)
    cases, inputs, outputs = {}, {}, {}

    def add(case, call, given, options, computed, rows=()):
        inputs.update({f"{case}.{key}": value for key, value in given.items()})
        outputs.update({f"{case}.{key}": value for key, value in computed.items()})
        cases[case] = {
            "call": call,
            "inputs": sorted(given),
            "options": options,
            "outputs": {k: f"{v.dtype}{list(v.shape)}" for k, v in computed.items()},
            "rows": dict(rows),
        }

    causal = getattr(config, "is_decoder", False) or config.model_type in CAUSAL
    blind = config.model_type.startswith("deberta")  # padding sees nothing, on either side
    reads_first = blind and not {"row_labels", "choices"}.isdisjoint(further)
    # On the left mBART would take an inner token for the code of the language.
    is_mbart = config.model_type == "mbart"
    one_sided = (causal and "mc_labels" in further) or reads_first or is_mbart
    for side in ("right",) if one_sided else ("right", "left"):
        # On the left, padding that sees nothing would predict the first token: no loss there.
        asked = [] if causal and side == "left" else further
        case, given = f"{side}_pad", make_inputs(config, asked, side, random)
        options = {"output_hidden_states": True, "output_attentions": True}
        computed = flat(run(model, given, **options), config)
        if getattr(config, "inner_group_num", 1) > 1:  # versions differ in what they list
            computed = {k: v for k, v in computed.items() if not k.startswith("hidden_states")}
        rows = {}
        if blind or (causal and side == "left"):
            rows = {
                name: axis
                for name, axis in ROWS.items()
                if rank(computed, name) > axis + (name == "logits")
            }
            visible = given["attention_mask"].reshape(-1, LENGTH) == 1
            inputs |= {f"{case}.rows_{prefix}": visible for prefix in rows}
        add(case, "forward", given, {}, computed, rows)
    for beams in (1, 3) if "generate" in further else ():
        given = make_inputs(config, [], "right" if config.is_encoder_decoder else "left", random)
        if config.model_type == "openai-gpt":
            given = {"input_ids": given["input_ids"][1:]}  # it knows no padding here
        options = {"num_beams": beams}
        limit, fixed = {"max_new_tokens": 8}, {}
        if config.model_type == "marian":
            limit, fixed = {"max_length": 9}, {"bad_words_ids": [[config.pad_token_id]]}
        wanted = {"return_dict_in_generate": True, "output_scores": True, "do_sample": False}
        found = run(model.generate, given, **options, **limit, **fixed, **wanted)
        computed = {"sequences": found.sequences.numpy()}
        if beams > 1:
            computed["sequences_scores"] = found.sequences_scores.numpy()
        add(f"generate_{beams}", "generate", given, {**options, **limit}, computed)
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
        if not any(folder.startswith(prefix) for prefix in sys.argv[2:] or [""]):
            continue
        (root / folder).mkdir(parents=True, exist_ok=True)
        write(root / folder, name, settings, further)
        print(folder)
