"""What CTranslate2 is told with each call: its folder says nothing of how texts are written."""

from typing import Any

from tftransformer.decoding import (
    BadWords,
    BeamSearch,
    ForcedStart,
    Greedy,
    MinLength,
    MinNewTokens,
    NoRepeatNgrams,
    PowerLengthPenalty,
    RepetitionPenalty,
    Sampling,
)
from tftransformer.serving.ctranslate2 import vocabulary
from tftransformer.tasks.text_to_text_graph import TextToTextGraph


def check_ends(graph: TextToTextGraph) -> None:
    """Raises a ValueError where texts begin or end with what CTranslate2 does not put there."""
    source, target = graph.source_tokenizer.special_ids, graph.target_tokenizer.special_ids
    if graph.start_id != target.get("start") or (graph.before, graph.after) != (
        [],
        [source["end"]],
    ):
        raise ValueError(
            "CTranslate2 ends each source with the tokenizer's end token alone and begins each "
            f"target with its start token; here sources stand between {graph.before} and "
            f"{graph.after} and targets begin with {graph.start_id}. Export it with "
            'format="saved_model".'
        )


def call_lines(graph: TextToTextGraph, target_pieces: int) -> tuple[list[str], list[str]]:
    """Returns Python code that writes as a graph does, and what no argument of it can say.

    Args:
        graph: what is exported.
        target_pieces: how many the model knows in what it writes.
    """
    names = vocabulary(graph.target_tokenizer, target_pieces)
    told, lost = _of_strategy(graph.generation.strategy)
    for processor in graph.generation.processors:
        argument = _of_processor(processor, names)
        told |= argument
        lost += [] if argument else [f"`{processor!r}`"]
    if graph.generation.end_ids != (graph.target_tokenizer.special_ids["end"],):
        told["end_token"] = list(graph.generation.end_ids)
    if graph.grows:
        lost.append("shorter limits for short sources")
    told["max_decoding_length"] = graph.max_target_length
    # Where there is no limit, CTranslate2 would cut at 1024.
    told["max_input_length"] = graph.max_length or 0
    arguments = [
        f"    {name}={value!r}," for name, value in told.items() if name != "target_prefix"
    ]
    if prefix := told.get("target_prefix"):
        arguments.append(f"    target_prefix={prefix!r} * len(texts),")
    text = f"{graph.prefix!r} + text" if graph.prefix else "text"
    lines = [
        "import ctranslate2",
        "import tftransformer as tt  # for the tokenizers",
        "",
        'translator = ctranslate2.Translator("FOLDER")',
        'source = tt.load_tokenizer("FOLDER/source_tokenizer")',
        'target = tt.load_tokenizer("FOLDER/target_tokenizer")',
        'texts = ["…"]',
        f"rows = source.encode([{text} for text in texts]).ids",
        "found = translator.translate_batch(",
        "    [source.tokens(row) for row in rows],",
        *arguments,
        ")",
        "ids = {piece: i for i, piece in enumerate(target.tokens(range(target.vocab_size)))}",
        "best = [[ids[piece] for piece in each.hypotheses[0] if piece in ids] for each in found]",
        "translations = target.decode(best)",
    ]
    return lines, lost


def _of_strategy(strategy: Any) -> tuple[dict[str, Any], list[str]]:
    """Arguments that decode as a strategy does, and what of it they cannot say."""
    told: dict[str, Any] = {"beam_size": 1, "length_penalty": 0, "min_decoding_length": 0}
    lost = []
    if isinstance(strategy, BeamSearch):
        penalty: Any = strategy.length_penalty
        told |= {"beam_size": strategy.num_beams, "length_penalty": penalty.alpha}
        if penalty.alpha and not isinstance(penalty, PowerLengthPenalty):
            lost.append(f"`{penalty!r}` (it has `PowerLengthPenalty` alone)")
        if strategy.early_stopping is not True and strategy.num_beams > 1:
            lost.append(f"`early_stopping={strategy.early_stopping!r}` (it has True alone)")
        told["num_hypotheses"] = strategy.num_return
    elif isinstance(strategy, Sampling):
        told |= {"sampling_topk": strategy.top_k or 0, "sampling_topp": strategy.top_p or 1}
        told |= {"sampling_temperature": strategy.temperature}
        told["num_hypotheses"] = strategy.num_return
        others = "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff"
        cuts = {name: getattr(strategy, name) for name in others}
        lost += [f"`{name}={value!r}`" for name, value in cuts.items() if value is not None]
        lost.append(f"`seed={strategy.seed}` (it draws others)")
    elif not isinstance(strategy, Greedy):
        lost.append(f"`{strategy!r}`")
    return told, lost


def _of_processor(processor: Any, names: list[str]) -> dict[str, Any]:
    """The argument that does what a processor does; empty: there is none."""
    match processor:
        case RepetitionPenalty():
            return {"repetition_penalty": processor.penalty}
        case NoRepeatNgrams():
            return {"no_repeat_ngram_size": processor.size}
        case BadWords():
            return {"suppress_sequences": [[names[i] for i in word] for word in processor.words]}
        case MinLength():  # which counts the start token
            return {"min_decoding_length": max(0, processor.min_length - 1)}
        case MinNewTokens():
            return {"min_decoding_length": processor.min_new_tokens}
        case ForcedStart():
            return {"target_prefix": [[names[processor.token_id]]]}
        case _:
            return {}
