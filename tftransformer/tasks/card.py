"""Model cards: what a folder or an export says of itself, to people and to Hugging Face's hub."""

import json
import math
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tftransformer.serving import ServedModule, TaskGraph
from tftransformer.tasks.pipeline import NAMES
from tftransformer.version import __version__

CARD = "README.md"
# A card without this line is somebody's own, which no save replaces.
MARK = "<!-- Written by tftransformer at each save: without this line the file stays as it is. -->"
SHOWN = 20  # labels


def write_card(folder: pathlib.Path, card: str, before: pathlib.Path | None = None) -> None:
    """Writes a card into a folder, unless the folder that it replaces has one of a person.

    Args:
        folder: where to write.
        card: the text.
        before: the folder that is to be replaced, if there is one.
    """
    older = None if before is None else before / CARD
    if older is None or not older.is_file() or MARK in older.read_text("utf-8", "replace"):
        (folder / CARD).write_text(card, encoding="utf-8")


def saved_card(task: Any, settings: Mapping[str, Any]) -> str:
    """Returns the card of a folder that `Task.save` writes.

    Args:
        task: a fitted `Task`.
        settings: those that are saved.
    """
    kind, name = type(task).__name__, task.task
    rows = f"{_spelled([*map(repr, task.text_columns())])} of a DataFrame, or a list of rows"
    if type(task).__module__.startswith("tftransformer."):
        use = ["import tftransformer as tt", "", f'{name} = tt.load("FOLDER")']
    else:
        use = [f"from {type(task).__module__} import {kind}", "", f'{name} = {kind}.load("FOLDER")']
    use += [f"answers = {name}(frame)  # {rows}"]
    parts = [_about(task), _code(use), *_facts(task, task.graph(), task.too_long == "refuse")]
    given = [
        f"- `{setting}`: `{json.dumps(value, default=repr)}`"
        for setting, value in settings.items()
        if value is not None
    ]
    return _page(task, [*parts, "## Settings", "\n".join(given)])


def served_card(task: Any, graph: TaskGraph, module: ServedModule, how: str) -> str:
    """Returns the card of a SavedModel.

    Args:
        task: a fitted `Task`.
        graph: what is exported of it.
        module: the module that is saved.
        how: in what precision, and whether compiled.
    """
    texts = [
        f'{name}=tf.constant({"[" * graph.ranks.get(name, 1)}"…"{"]" * graph.ranks.get(name, 1)})'
        for name in graph.inputs
    ]
    use = [
        "import tensorflow as tf",
        "import tensorflow_text  # of its operations the graph may need some",
        "",
        'serve = tf.saved_model.load("FOLDER").signatures["serving_default"]',
        f"answers = serve({', '.join(texts)})",
    ]
    found = module.functions["serving_default"].get_concrete_function().structured_outputs  # type: ignore[attr-defined]
    rows = [
        f"| `{name}` | {tensor.dtype.name} | {_shape(tensor.shape)} |"
        for name, tensor in found.items()
    ]
    answers = ["| answer | type | shape |", "|---|---|---|", *rows]
    served = f"SavedModel, {how}; signatures: {', '.join(graph.signatures)}."
    parts = [_about(task), served, _code(use), "\n".join(answers), *_facts(task, graph, False)]
    return _page(task, parts)


def translation_card(task: Any, weights: str, call: Sequence[str], lost: Sequence[str]) -> str:
    """Returns the card of a folder for CTranslate2.

    Args:
        task: a fitted `Translator`.
        weights: their type.
        call: code that translates as the task does.
        lost: what of its settings the code cannot say.
    """
    parts = [_about(task), "CTranslate2 is told with each call how to write:", _code(call)]
    if lost:
        parts.append(f"It cannot be told {_spelled(lost)}: some texts may differ.")
    return _page(task, [*parts, f"Weights: {weights}.", *_facts(task, None, False)])


def _page(task: Any, parts: Iterable[str]) -> str:
    """A card: Hugging Face's metadata, the mark, a title, and parts with a line between."""
    names = [name for name, made in NAMES.items() if made == type(task).__name__]
    tag = [f"pipeline_tag: {name}" for name in names[:1]]
    head = "\n".join(["---", "library_name: tftransformer", *tag, "---"])
    return "\n\n".join([head, MARK, f"# {type(task).__name__}", *parts]) + "\n"


def _about(task: Any) -> str:
    """The first paragraph of the documentation of a task."""
    return " ".join((type(task).__doc__ or "").strip().partition("\n\n")[0].split())


def _facts(task: Any, graph: TaskGraph | None, refuses: bool) -> list[str]:
    """What is known of model, training, scores, labels and limits, part by part."""
    parts = ["## Model", _model(task)]
    measured = task.measured_
    if "rows" in measured:
        parts += ["## Training", f"{measured['rows']}."]
    if measured.get("validation"):
        parts += ["On the rows held out: " + _line(measured["validation"]) + "."]
    if measured.get("scores"):
        parts += ["## Scores", _scores(measured["scores"])]
    labels = [str(label) for label in getattr(task, "classes_", ())]
    if labels:
        more = f", … ({len(labels):,} in all)" if len(labels) > SHOWN else ""
        parts += ["## Labels", ", ".join(f"`{label}`" for label in labels[:SHOWN]) + more]
    if graph is not None:
        parts += ["## Limits", _limits(graph, refuses)]
    versions = {"tftransformer": __version__, "tensorflow": tf.__version__}
    versions |= {"keras": keras.__version__}
    written = ", ".join(f"{name} {version}" for name, version in versions.items())
    return [*parts, "## Versions", f"Written with {written}."]


def _model(task: Any) -> str:
    model, tokenizers = task.model_, task.data_.tokenizers
    sizes = {
        name: value
        for name, value in model.get_config().items()
        if type(value) is int and not name.endswith("_id")
    }
    lines = [f"- {type(model).__name__} of {model.count_params():,} weights"]
    lines += [f"- {name}: {value:,}" for name, value in sizes.items()]
    for tokenizer in tokenizers:
        lines += [f"- {type(tokenizer).__name__} of {tokenizer.vocab_size:,} pieces"]
    return "\n".join(dict.fromkeys(lines))  # a tokenizer that both sides share, once


def _limits(graph: TaskGraph, refuses: bool) -> str:
    if graph.max_length is None:
        return "Texts may have any length."
    stride = getattr(graph, "stride", None)
    if stride is not None:
        return (
            f"Texts may have any length: they are read in windows of at most {graph.max_length:,} "
            f"tokens, which share {stride:,} with the one before."
        )
    most = f"At most {graph.max_length:,} tokens of a row are read"
    return (
        f"{most}; a longer one is an error."
        if refuses
        else f"{most}; of longer ones the {graph.kept}."
    )


def _scores(scores: Mapping[str, Any]) -> str:
    """Scores as a table, with a column for each baseline."""
    others = {name: value for name, value in scores.items() if isinstance(value, Mapping)}
    names = [name for name in scores if name not in others]
    shown = {"this": scores, **{n: x for n, x in others.items() if set(x) & set(names)}}
    lines = [f"| | {' | '.join(shown)} |", "|---" * (len(shown) + 1) + "|"]
    for name in names:
        cells = (_number(column[name]) if name in column else "" for column in shown.values())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _line(scores: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in scores.items())


def _number(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"


def _shape(shape: tf.TensorShape) -> str:
    return "(" + ", ".join("…" if size is None else str(size) for size in shape) + ")"


def _code(lines: Sequence[str]) -> str:
    return "\n".join(["```python", *lines, "```"])


def _spelled(names: Sequence[str]) -> str:
    """Names as a phrase: a, b and c.

    >>> _spelled(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def plain_scores(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Scores as JSON holds them: numbers, and those of what has some; anything else is left out."""
    found = {}
    for name, value in scores.items():
        if isinstance(value, Mapping):
            value = plain_scores(value)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            value = None
        if value or value == 0:
            found[str(name)] = value
    return found


def weights_of(model: Any) -> str:
    """How many weights a model has, and how many of them are trained, in words."""
    trained = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    told = f"{model.count_params():,} parameters"
    return told if not model.non_trainable_weights else f"{told}, {trained:,} of them trained"
