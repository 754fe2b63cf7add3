"""What a task says in a folder of Hugging Face's library, beside its model."""

import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tftransformer.data.vocabularies import digest_of
from tftransformer.tasks.generation import options_of
from tftransformer.text import Template


@dataclass(frozen=True)
class FolderParts:
    """What a folder is told.

    Attributes:
        rows: how texts become ids, arguments of `FolderTokenizer`.
        config: entries of config.json.
        generation: options of generation by Hugging Face's names; None: leave out what else says.
        learnt: what the same task reads again and transformers pays no attention to; `labels` are
            those of the head that it belongs to, None where it belongs to any.
    """

    rows: Mapping[str, Any]
    config: Mapping[str, Any] = field(default_factory=dict)
    generation: Mapping[str, Any] = field(default_factory=dict)
    learnt: Mapping[str, Any] = field(default_factory=dict)


def write_parts(task: Any, model: Any, folder: pathlib.Path) -> None:
    """Writes a model, and the `folder_parts` of its task, into an empty folder.

    Raises:
        ValueError: if a file has no words for something.
    """
    from tftransformer.pretrained import FolderTokenizer, save_pretrained, save_tokenizer
    from tftransformer.pretrained.entries import LEARNT

    said = task.folder_parts()
    config = {**said.config, **({LEARNT: {task.task: said.learnt}} if said.learnt else {})}
    save_pretrained(model, folder, config=config, generation=said.generation)
    # XLNet's last column is read, and padding is a segment of its own.
    sides = {"padding_side": "left", "segment_fill": 3} if hasattr(model, "summary_column") else {}
    save_tokenizer(FolderTokenizer(**{**sides, **said.rows}), folder)


def labels_said(head: Any, classes: Sequence[Any] | None) -> tuple[Any, dict[str, Any]]:
    """The labels of a head in a folder, and what config.json says of those it has no names for.

    Args:
        head: with labels, their names or their number; or none.
        classes: what they are called here.
    """
    labels = getattr(head, "labels", None)
    if not isinstance(labels, int):
        return labels and list(labels), {}
    if classes is None:
        return [f"LABEL_{i}" for i in range(labels)], {}
    names = [*map(str, classes)]
    numbered = {str(i): name for i, name in enumerate(names)}
    return names, {"id2label": numbered, "label2id": {name: i for i, name in enumerate(names)}}


def pair_parts(task: Any) -> FolderParts:
    """What is told of a task that reads texts and writes others, a `TextToText`.

    Raises:
        ValueError: if the files have no words for how it writes, or for how much.
    """
    graph, further = task.graph(), getattr(task.model_, "further_config", {})
    source, target = graph.source_tokenizer, graph.target_tokenizer
    rows = {"tokenizer": source, "template": task.template, "max_length": graph.max_length}
    if digest_of([source]) != digest_of([target]):
        rows["target"] = target
    generation = options_of(graph.generation)
    if graph.grows:  # where that library is told nothing it writes 20 tokens
        raise ValueError(
            "generation_config.json cannot express a limit that grows with the source: set one, "
            'such as options={"max_new_tokens": 128}.'
        )
    start, special = graph.start_id, target.special_ids
    config: dict[str, Any] = {"prefix": graph.prefix}
    if not hasattr(task.model_, "start_id"):
        config |= {"decoder_start_token_id": start, "eos_token_id": special["end"]}
    if specific := further.get("task_specific_params"):  # which would count before all this
        others = {name: own for name, own in specific.items() if not name.startswith(task.kind)}
        config["task_specific_params"] = others
    ids = {"decoder_start_token_id": start, "pad_token_id": special["pad"]}
    return FolderParts(rows, config, {**generation, **ids})


def prompt_parts(task: Any) -> FolderParts:
    """What is told of a `TextGenerator`: prompts end without a token and are padded in front."""
    graph, data = task.graph(), task.data_
    before = graph.template.parts["single"][: graph.template.num_before("a", pair=False)]
    rows = {
        "tokenizer": graph.tokenizer,
        "template": Template(" ".join([*(part.name for part in before), "a"])),
        "max_length": data.max_length,
        "padding_side": "left",
    }
    generation = options_of(graph.generation)
    if generation["max_new_tokens"] is None and generation["max_length"] is None:
        generation["max_new_tokens"] = graph.max_new_tokens  # told nothing, that library writes 20
    generation["pad_token_id"] = graph.tokenizer.special_ids.get("pad")
    return FolderParts(rows, generation=generation)
