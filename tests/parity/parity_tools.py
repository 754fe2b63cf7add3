"""What the adapters of all families share: folders, cases, names, losses, decoding."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tftransformer.decoding import (
    BeamSearch,
    Greedy,
    MinLength,
    MinNewTokens,
    NoRepeatNgrams,
    PowerLengthPenalty,
    RepetitionPenalty,
)
from tftransformer.pretrained import load_pretrained

# The reference's names of inputs and ours.
INPUTS = {
    "input_ids": "token_ids",
    "attention_mask": "padding_mask",
    "token_type_ids": "segment_ids",
    "position_ids": "position_ids",
    "langs": "language_ids",
}


class Folder:
    """One golden folder.

    Attributes:
        arch, name: where it stands.
        config: config.json.
        meta: fixture.json.
        model: our model with the folder's weights, loaded when it is first asked for.
    """

    def __init__(self, path: Path):
        self.path, self.arch, self.name = path, path.parent.name, path.name
        self.config = json.loads((path / "config.json").read_text())
        self.meta = json.loads((path / "fixture.json").read_text())

    @functools.cached_property
    def model(self):
        loaded = load_pretrained(self.path)
        assert not loaded.missing
        assert not loaded.unexpected
        return loaded.model

    def case(self, name: str) -> "Case":
        spec = self.meta["cases"][name]
        inputs, outputs = np.load(self.path / "inputs.npz"), np.load(self.path / "outputs.npz")
        return Case(
            self,
            name,
            spec["call"],
            {key: inputs[f"{name}.{key}"] for key in spec["inputs"]},
            spec["options"],
            {key: outputs[f"{name}.{key}"] for key in spec["outputs"]},
            {key: (axis, inputs[f"{name}.rows_{key}"]) for key, axis in spec["rows"].items()},
        )


@dataclass
class Case:
    """One call of the reference: what went in, and what came out.

    Attributes:
        folder: where it is from.
        name: of the case.
        call: "forward", "generate" or "module:<path>".
        inputs: arrays under the reference's names.
        options: scalar arguments.
        wanted: arrays under the reference's names.
        rows: for a prefix of names the axis and the rows of it that count.
    """

    folder: Folder
    name: str
    call: str
    inputs: dict[str, np.ndarray]
    options: dict[str, Any]
    wanted: dict[str, np.ndarray]
    rows: dict[str, tuple[int, np.ndarray]]

    def compare(self, got: dict[str, Any]) -> None:
        """Asserts that each wanted output is there and within the tolerance."""
        for name, expected in self.wanted.items():
            assert name in got, f"the adapter gives no {name!r}, only {sorted(got)}"
            actual = np.array(got[name])
            assert actual.shape == expected.shape, name
            for prefix, (axis, keep) in self.rows.items():
                if name == prefix or name.startswith(f"{prefix}."):
                    actual, expected = (np.moveaxis(x, axis, 1)[keep] for x in (actual, expected))
            np.testing.assert_allclose(
                actual, expected, **self.folder.meta["tolerance"], err_msg=name
            )


def stack_inputs(case: Case, **more: str) -> dict[str, np.ndarray]:
    """The inputs of a `StackModel`; without a mask all is real. `more`: further names."""
    names = {**INPUTS, **more}
    inputs = {names[key]: value for key, value in case.inputs.items() if key in names}
    ids = inputs["token_ids"]
    inputs["padding_mask"] = inputs.get("padding_mask", np.ones_like(ids)) == 1
    return {k: v if v.dtype == bool else v.astype("int32") for k, v in inputs.items()}


def stack_outputs(case: Case, names: dict[str, str], **more: str) -> dict[str, np.ndarray]:
    """What a `StackModel` computes, under the reference's names; `names`: ours → theirs."""
    details = case.folder.model.details(stack_inputs(case, **more))
    outputs = {names[name]: np.array(details[name]) for name in names if name in details}
    outputs["last_hidden_state"] = np.array(details["hidden"])
    for key in ("hidden_states", "attentions"):
        outputs |= {f"{key}.{n}": np.array(x) for n, x in enumerate(details[key])}
    return outputs


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean over the labels that are not −100; classes on the last axis of the logits."""
    logits, labels = np.asarray(logits, "float64"), np.asarray(labels)
    shifted = logits - logits.max(-1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    chosen = np.take_along_axis(log_probabilities, np.maximum(labels, 0)[..., None], -1)[..., 0]
    return -chosen[labels != -100].mean()


def shifted_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Logits at each position against the label of the next."""
    return cross_entropy(logits[..., :-1, :], labels[..., 1:])


def span_loss(start: np.ndarray, end: np.ndarray, inputs: dict[str, np.ndarray]) -> float:
    """Mean of the cross entropies of start and end; positions outside the text are ignored."""
    length = start.shape[-1]

    def loss(logits, positions):
        positions = positions.reshape(-1).clip(0, length)
        return cross_entropy(logits, np.where(positions == length, -100, positions))

    return (loss(start, inputs["start_positions"]) + loss(end, inputs["end_positions"])) / 2


def classification_loss(logits: np.ndarray, labels: np.ndarray, config: dict[str, Any]) -> float:
    """The loss of a sequence classifier, by the kind of its problem."""
    kind = config.get("problem_type")
    if kind is None:
        whole = labels.dtype.kind == "i"
        kind = "single_label_classification" if whole else "multi_label_classification"
        kind = "regression" if logits.shape[-1] == 1 else kind
    if kind == "regression":
        return np.mean((logits.reshape(labels.shape) - labels) ** 2)
    if kind == "multi_label_classification":
        return np.mean(np.logaddexp(0, logits) - labels * logits)
    return cross_entropy(logits, labels)


def decode(case: Case, start_decoding, prompt: np.ndarray, processors=()) -> None:
    """Runs a generate case and compares ids, scores and the logits of each step.

    Args:
        case: the case.
        start_decoding: (number of tokens, number of beams) → step.
        prompt: int32 (batch, length).
        processors: that the family always has, after those of the options.
    """
    options, config = case.options, case.folder.config
    generation = case.folder.path / "generation_config.json"
    if generation.is_file():
        config = {**config, **json.loads(generation.read_text())}
    end, pad = config["eos_token_id"], config.get("pad_token_id", 0)
    length = prompt.shape[1]
    new = options.get("max_new_tokens") or options["max_length"] - length
    beams = options["num_beams"]
    chain = []
    if "repetition_penalty" in options:
        chain.append(RepetitionPenalty(options["repetition_penalty"]))
    if "no_repeat_ngram_size" in options:
        chain.append(NoRepeatNgrams(options["no_repeat_ngram_size"]))
    if "min_length" in options:
        chain.append(MinLength(options["min_length"], end))
    if "min_new_tokens" in options:
        chain.append(MinNewTokens(options["min_new_tokens"], end, length))
    strategy = Greedy()
    if beams > 1:
        strategy = BeamSearch(
            beams,
            length_penalty=PowerLengthPenalty(options.get("length_penalty", 1.0)),
            early_stopping=options.get("early_stopping", False),
            num_return=options.get("num_return_sequences", 1),
        )
    step = start_decoding(length + new, beams)
    decoded = strategy(
        step,
        prompt,
        max_new_tokens=new,
        end_id=end,
        pad_id=pad,
        processors=[*chain, *processors],
    )
    ids, lengths = np.array(decoded.ids).reshape(-1, new), np.reshape(decoded.lengths, -1)
    for row, expected in enumerate(case.wanted["sequences"][:, length:]):
        ends = np.flatnonzero(expected == end)
        kept = ends[0] + 1 if len(ends) else len(expected)
        assert ids[row, :kept].tolist() == expected[:kept].tolist(), f"row {row}"
        assert lengths[row] == kept
    if "sequences_scores" in case.wanted:
        tolerance = case.folder.meta["tolerance"]
        scores = np.reshape(decoded.scores, -1)
        np.testing.assert_allclose(scores, case.wanted["sequences_scores"], **tolerance)
    if "step_logits" in case.wanted:
        check_steps(case, start_decoding(length + new, 1), length, lengths)
    assert case.wanted.keys() <= {"sequences", "sequences_scores", "step_logits"}


def check_steps(case: Case, step, length: int, lengths: np.ndarray) -> None:
    """Feeds the expected ids, and compares each step's logits until a row has ended."""
    sequences, wanted = case.wanted["sequences"].astype("int32"), case.wanted["step_logits"]
    cache, position, columns = step.cache, 0, sequences[:, :length]
    for number in range(wanted.shape[1]):
        logits, cache = step(columns, cache, position)
        open_rows = number < lengths
        np.testing.assert_allclose(
            np.array(logits)[open_rows],
            wanted[open_rows, number],
            **case.folder.meta["tolerance"],
            err_msg=f"step {number}",
        )
        position = length + number
        columns = sequences[:, position : position + 1]
