"""What a person gives a task: a folder or a model, its tokenizer, and the heads that they lack."""

import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from tftransformer.core import check_choice, check_ints, is_number
from tftransformer.data import DataProcess
from tftransformer.models.further import take_further
from tftransformer.models.headed_model import HeadedModel, SomeHeads
from tftransformer.objectives import Classes, Numbers
from tftransformer.tasks.folder import read_task
from tftransformer.tasks.learners import learn_unigram
from tftransformer.tasks.pipeline import saved_in, saved_near
from tftransformer.tasks.thresholds import is_threshold
from tftransformer.text import Template
from tftransformer.training.recipes.low_rank import copy_weights

# What Hugging Face calls each kind of labels.
PROBLEMS = {
    "single": "single_label_classification",
    "several": "multi_label_classification",
    "numbers": "regression",
}
KINDS = tuple(PROBLEMS)
# What columns of texts and of what is written of them are called where nothing was fitted.
COLUMNS = "source", "target"
UNNAMED = "LABEL_{}".format
NO_LIMIT = 10**9  # what `model_max_length` says where there is none is larger


@dataclass
class Given:
    """A trained model and what belongs to it; all None where a task begins from scratch.

    Attributes:
        model: the model.
        tokenizer: tokenizer of its texts.
        target: tokenizer of the texts that it writes, where that is another one.
        template: how texts become one row.
        max_length: the most tokens of a row that tokenizer or model know, or None.
        kind: kind of its labels, one of `KINDS`, if it is known.
        parts: what `Task.take` takes beside the model, from a folder that `Task.save` wrote.
        is_foreign: whether another task trained its heads, so that they do not answer here.
        learnt: what `Task.save_pretrained` wrote into config.json beside the model, if the head
            still has the same labels.
        pretrained: the folder, where Hugging Face's library wrote it.
        place: what to call it.
        new: the head that begins with new weights, in a list, once it is known.
        unused: heads and tensors that the task has no use for.
    """

    model: Any = None
    tokenizer: Any = None
    target: Any = None
    template: Any = None
    max_length: int | None = None
    kind: str | None = None
    parts: dict[str, Any] | None = None
    is_foreign: bool = False
    learnt: Mapping[str, Any] = field(default_factory=dict)
    pretrained: pathlib.Path | None = None
    place: str = "the model"
    new: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def take(self, found: Any) -> None:
        """Takes what a folder says of texts and ids: a `FolderTokenizer`."""
        self.tokenizer, self.target = found.tokenizer, found.target
        self.template, self.max_length = found.template, found.max_length
        if self.template.parts == Template.bare().parts:  # its segments no model is given
            self.template = self.template.without_segments()

    def head(self, name: str | None) -> Any:
        """The trained head of that name, or None. Other Keras models are their own heads.

        So is any model where no name is asked for.
        """
        if name is not None and isinstance(self.model, HeadedModel):
            return None if self.is_foreign else self.model.heads.get(name)
        return self.model

    def labels(self, name: str | None) -> list[Any] | None:
        """The labels of a head in their order; `LABEL_1` is one without a name."""
        learnt = self.parts and getattr(self.parts.get("data"), "objective", None)
        if learnt is not None:
            return getattr(learnt, "classes_", None)
        if "classes_" in self.learnt.get("objective", {}):
            return self.learnt["objective"]["classes_"]
        found = getattr(self.head(name), "labels", None)
        return [UNNAMED(i) for i in range(found)] if isinstance(found, int) else found

    def report(self) -> str:
        """What of a model is used, and what is not, in a line."""
        parts = [f"its head {name!r} is new" for name in self.new]
        parts += [f"unused: {', '.join(self.unused)}"] * bool(self.unused)
        return f"{self.place}: {'; '.join(parts) or 'all of it is used'}"

    def tokenizer_options(self, task: Any, learn: Callable | None = None) -> dict[str, Any]:
        """What a `DataProcess` is told of tokenizer and template of a task.

        Args:
            task: has `tokenizer` and `vocab_size`.
            learn: learns a tokenizer from texts and a size where none is given; default:
                `learn_unigram`.

        Raises:
            TypeError: if several tokenizers were given.
            ValueError: if a model was given without its tokenizer.
        """
        if isinstance(task.tokenizer, list | tuple):
            raise TypeError(
                f"tokenizer={task.tokenizer!r}: a {type(task).__name__} cuts all its texts by one "
                "tokenizer. Give that one alone."
            )
        if self.tokenizer is not None:
            return {"tokenizer": self.tokenizer, "template": self.template}
        if self.model is not None:
            raise ValueError(
                f"tokenizer={task.tokenizer!r}: a model needs the tokenizer that it was trained "
                "with. That of a folder is tokenizer=tt.pretrained.read_tokenizer(folder)."
            )
        return {
            "tokenizer": task.tokenizer or learn or learn_unigram,
            "vocab_size": task.vocab_size,
        }

    def limit(self, asked: int | None, default: int) -> int:
        """Most tokens of a row: as asked, else as is known of the model, else the default."""
        check_ints(1, or_none=True, max_length=asked)
        known = [n for n in (self.max_length, positions_of(self.model)) if n is not None]
        return min([asked or (default if not known else NO_LIMIT), *known])


def read_given(task: Any) -> Given:
    """Reads what a task was given as `model` and `tokenizer`.

    Args:
        task: its `model` is a folder of Hugging Face, or one that the `save` of this or another
            task wrote; a Keras model; or what a model from scratch is to be like.

    Raises:
        ValueError: if a folder cannot be read.
    """
    model, tokenizer = task.model, task.tokenizer
    given = Given(tokenizer=tokenizer if hasattr(tokenizer, "special_ids") else None)
    if hasattr(tokenizer, "template"):
        given.take(tokenizer)
    if isinstance(model, str | os.PathLike):
        folder = pathlib.Path(model)
        saved = sorted(saved_in(folder), key=lambda kind: kind.task != task.task)
        if saved:
            _read_saved(saved[0], task, folder, given)
        elif not (folder / "config.json").is_file() and (near := saved_near(folder)):
            raise ValueError(f"{folder} holds no model{near}.")
        else:
            _read_pretrained(task, folder, given)
        given.place = str(folder)
    elif isinstance(model, keras.Model):
        given.model = model.model if isinstance(model, SomeHeads) else model
    elif not isinstance(model, Mapping | None):
        raise TypeError(
            f"model={model!r} was given; expected a folder, a Keras model with its tokenizer, or, "
            'to train one from scratch, what is to differ from `sizes`: {"num_layers": 2}.'
        )
    return given


def _read_saved(kind: Any, task: Any, folder: pathlib.Path, given: Given) -> None:
    """What `save` of a kind of task wrote: for the same kind all of it, else what it has learnt."""
    given.model, parts, settings = read_task(folder, kind.task, kind.readers)
    given.is_foreign = kind.task != task.task
    if not given.is_foreign:
        learnt = {name: settings[name] for name in settings.keys() - set(task.setting_names())}
        given.parts = {**parts, **learnt}
    if tokenizers := [part for part in parts.values() if hasattr(part, "special_ids")]:
        given.tokenizer, given.target = tokenizers[0], tokenizers[-1]
    data = parts.get("data")
    if isinstance(data, DataProcess):
        given.tokenizer, given.template = data.tokenizers[0], data.row_template
        given.max_length = data.max_length
        if isinstance(data.objective, Classes | Numbers) and not given.is_foreign:
            given.kind = kind_of(data.objective)


def _read_pretrained(task: Any, folder: pathlib.Path, given: Given) -> None:
    """A folder as Hugging Face's library writes it: weights, tokenizer, template, labels."""
    from tftransformer.pretrained import load_pretrained, read_tokenizer
    from tftransformer.pretrained.entries import LEARNT

    loaded = load_pretrained(folder, wanted=task.head)
    given.model, given.pretrained = loaded.model, folder
    others = getattr(loaded.model, "heads", {}).keys() - {task.head}
    given.unused = sorted(others - {"pooled"}) + list(loaded.unexpected)
    if given.tokenizer is None:
        given.take(read_tokenizer(folder))
    problem = loaded.model.further_config.get("problem_type")
    given.kind = next((kind for kind, name in PROBLEMS.items() if name == problem), None)
    said = loaded.model.further_config.pop(LEARNT, None)
    if isinstance(said, dict) and task.task in said:
        given.learnt = _own_learnt(said[task.task], given.labels(task.head), folder)
    labels = given.labels("sequence_classification")
    if given.kind is None and labels is not None:
        given.kind = "single" if len(labels) > 1 else "several"


def _own_learnt(said: Any, labels: list[Any] | None, folder: pathlib.Path) -> Mapping[str, Any]:
    """What `save_pretrained` of the same task said, if it belongs to these labels of the head."""
    known = labels or []
    if isinstance(said, dict) and said.get("labels") not in (None, labels):
        return {}  # another tool gave the head others
    try:
        classes = said.get("objective", {}).get("classes_", known)
        fits = isinstance(classes, list) and len(classes) == len(known)
        fits = fits and is_number(said.get("threshold", 0.0))
        thresholds = said.get("thresholds", [0.5] * len(known))
        fits = fits and len(thresholds) == len(known) and all(map(is_threshold, thresholds))
    except (AttributeError, TypeError):  # no dict, no list
        fits = False
    if not fits:
        raise ValueError(
            f"{folder / 'config.json'} says of what a task has learnt {said!r}, which no "
            f"save_pretrained writes beside {len(known)} labels. Delete this entry, "
            "`tftransformer_learnt`, and labels are read as transformers reads them."
        )
    return said


def given_model(model: Any) -> Any:
    """Returns the model that was given, be it as a folder, or None."""
    if not isinstance(model, str | os.PathLike):
        return model
    from tftransformer.pretrained import from_pretrained

    return from_pretrained(model)


def kind_of(objective: Classes | Numbers) -> str:
    """Which of `KINDS` an objective is of."""
    if isinstance(objective, Numbers):
        return "numbers"
    return "several" if objective.several else "single"


def objective_of(
    labels: str, output: str | None, known: Sequence[str] | None, **single: Any
) -> Classes | Numbers:
    """What is learnt of labels of one of the `KINDS`.

    Args:
        labels: the kind.
        output: the name of the model's output, or None.
        known: labels of a trained head, in their order.
        **single: what `Classes` takes for single labels alone.
    """
    check_choice(KINDS, labels=labels)
    if labels == "numbers":
        return Numbers(output=output)
    several = labels == "several"
    known = list(known or ())
    return Classes(several, known=known, output=output, **({} if several else single))


def data_of(tokenizers: Any, columns: Sequence[Any] = COLUMNS) -> DataProcess:
    """The `DataProcess` of trained tokenizers, which may be one already."""
    if isinstance(tokenizers, DataProcess):
        return tokenizers
    if not isinstance(tokenizers, tuple):
        tokenizers = tokenizers.source_tokenizer, tokenizers.target_tokenizer
    return DataProcess(*columns, tokenizer=tokenizers)


def positions_of(model: Any) -> int | None:
    """How many tokens a model knows positions for, or None where there is no limit."""
    embeddings = getattr(getattr(model, "stack", None), "embeddings", None)
    of_stack = getattr(getattr(embeddings, "position", None), "num_positions", None)
    return getattr(model, "num_positions", of_stack)


def vocabulary_of(model: Any) -> int | None:
    """How many ids a model knows vectors of, in the texts that it reads, or None."""
    stack = getattr(model, "stack", None) or getattr(model, "encoder", None)
    return getattr(getattr(stack, "embeddings", None), "vocab_size", None)


def reads_segments(model: Any, given: bool) -> bool:
    """Whether segments make a difference; GPT and XLM look them up among the tokens, if `given`."""
    if not isinstance(model, HeadedModel) or hasattr(model, "summary_column"):  # XLNet compares
        return True
    embeddings: Any = getattr(getattr(model, "stack", None), "embeddings", None)
    segments = getattr(embeddings, "segments", None)
    return segments is not None and (given or segments is not embeddings.table)


def spellings_of(model: Any) -> int:
    """How many spellings of words a model knows; 0: it reads none."""
    embeddings = getattr(getattr(model, "stack", None), "embeddings", None)
    return getattr(getattr(embeddings, "spelling", None), "input_dim", 0)


def trained_further(given: Given, head: str, objective: Any, arguments: Any) -> Any:
    """Returns a copy of a model to train, whose head is its own where that fits the labels.

    Args:
        given: the model.
        head: the name of the head that answers.
        objective: fitted, perhaps with the labels of the head as `known`.
        arguments: of a new head, or it.
    """
    own, count = given.head(head), getattr(objective, "num_outputs", 1)
    fits = own is not None and len(given.labels(head) or range(count)) == count
    known = list(getattr(objective, "known", ()))
    if fits and known and objective.classes_ not in (known, list(range(count))):
        # Else a label would be another one's; labels without names are those of whoever made it.
        fits = given.parts is None and isinstance(own.labels, int)
    given.new = [] if fits else [head]
    return own_copy(given.model, head, None if fits else arguments)


def own_copy(model: Any, head: str | None, arguments: Any = None) -> Any:
    """Returns a copy of a model, so that what a person gave stays as it is.

    What is frozen of the model is frozen of the copy, and has LoRA where it has.

    Args:
        model: a `HeadedModel`, whose copy has one head alone, unless its constructor makes its own
            ones; or another Keras model, which is copied as it is.
        head: the name of the head; None: all that there are; "": there is none.
        arguments: arguments of a new head, or the head itself; None: the model's own head, with its
            weights.

    Raises:
        ValueError: if the copy needs other heads, and the model's constructor does not take them.
    """
    config = model.get_config()
    if isinstance(model, HeadedModel):
        makes_its_own = "heads" not in config
        if makes_its_own and head is not None and (arguments is not None or not head):
            raise ValueError(
                f"{type(model).__name__} makes its own heads, {sorted(model.heads)}, and cannot be "
                f"given others{f', such as {head!r}' if head else ''}: let its constructor take "
                "heads, and hand them to make_heads(heads, {})."
            )
        if not makes_its_own and head is not None:
            kept = config["heads"] if isinstance(config["heads"], dict) else {}
            new = keras.saving.serialize_keras_object(arguments or kept.get(head, {}))
            config = {**config, "heads": {head: new} if head else {}}
        if "summary_column" in config:  # rows are padded at their ends
            config["summary_column"] = "last_token"
    copy = type(model).from_config(config)
    take_further(copy, model)
    if not isinstance(model, HeadedModel):
        copy_weights(copy, model)
        return copy
    parts, new = _parts(model), None if arguments is None else f"heads.{head}"
    for name, part in _parts(copy).items():
        # A pooler that no head asks for has no weights.
        if name in parts and name != new and part.weights and parts[name].weights:
            copy_weights(part, parts[name])
    return copy


def _parts(model: HeadedModel) -> dict[str, keras.layers.Layer]:
    """The layers that a model is made of, by name: weights have other paths beside other heads."""
    own = {n: part for n, part in vars(model).items() if isinstance(part, keras.layers.Layer)}
    return own | {f"heads.{name}": head for name, head in model.heads.items()}
