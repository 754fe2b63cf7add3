"""Writes tokenizers as the files of a Hugging Face folder."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tftransformer.core import replacing
from tftransformer.pretrained.tokenizer import FolderTokenizer
from tftransformer.pretrained.tokenizer_description import Step, TokenizerDescription
from tftransformer.pretrained.tokenizer_layout_saving import Layout, as_json, layout_of_family
from tftransformer.pretrained.tokenizer_layouts import named, template_step
from tftransformer.pretrained.tokenizers import bpe, byte_bpe, sentencepiece, wordpiece
from tftransformer.pretrained.tokenizers.common import SPELLED
from tftransformer.text import (
    BpeTokenizer,
    ByteBpeTokenizer,
    SentencePieceTokenizer,
    Template,
    Tokenizer,
    WordPieceTokenizer,
)

# Who says of a tokenizer of each class what a tokenizer.json holds, but for the rows.
DESCRIBERS: dict[type[Tokenizer], Callable[[Any], TokenizerDescription]] = {
    WordPieceTokenizer: wordpiece.describe,
    SentencePieceTokenizer: sentencepiece.describe,
    ByteBpeTokenizer: byte_bpe.describe,
    BpeTokenizer: bpe.describe,
}
# What would be read beside new files, or in their stead.
REPLACED = ("tokenizer.json", "special_tokens_map.json", "added_tokens.json")


def save_tokenizer(read: FolderTokenizer, folder: str | os.PathLike[str]) -> None:
    """Writes a tokenizer and its template so that transformers makes the same ids from texts.

    tokenizer_config.json and tokenizer.json, whether it came from such a folder or was learnt here;
    for Marian, XLM and XLNet, whose rules a tokenizer.json cannot express, their own files. Models
    get token_type_ids only if the template has segments. Other tokenizer files that would be read
    instead are removed; all other files are kept.

    Args:
        read: the tokenizer with its template and lengths.
        folder: the folder, created if missing.

    Raises:
        ValueError: no format can express the tokenizer. Nothing is written.

    Example:
        >>> pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "embed", "##ding"]
        >>> tokenizer = tt.WordPieceTokenizer(pieces)
        >>> bert = FolderTokenizer(tokenizer, tt.text.Template.bert())
        >>> save_tokenizer(bert, "my-bert")
        >>> tt.pretrained.read_tokenizer("my-bert").tokenizer.encode(["embedding"]).ids.tolist()
        [[4, 5]]
    """
    tokenizer = read.tokenizer
    for each in (tokenizer, read.target):
        if isinstance(each, SentencePieceTokenizer) and each.further_tokens:
            raise ValueError(
                f"with_tokens({[*each.further_tokens]}): files of Hugging Face's library cannot "
                "express further tokens of a SentencePiece tokenizer. save(folder) of the task or "
                "the tokenizer keeps them."
            )
    rows = rows_of(read.template, tokenizer)
    layout = layout_of_family(tokenizer, read.target) or _json_layout(tokenizer, rows)
    roles = {SPELLED.get(role, role): number for role, number in tokenizer.special_ids.items()}
    tokens = {role: (tokenizer.tokens([number])[0], number) for role, number in roles.items()}
    known = {token for token, _ in tokens.values()}
    further = [x.content for x in tokenizer.added_tokens if x.special and x.content not in known]
    # GPT's rows, the texts alone, are of two segments to the package and of one to the model.
    has_segments = rows != () and read.template != read.template.without_segments()
    if (own := layout.rows) is not None:
        own = own if has_segments else own.without_segments()
        if rows != (template_step(own, partial(named, tokens)),):
            kind = layout.config["tokenizer_class"]
            raise ValueError(f"{kind} makes rows by itself: {layout.rows}, not by {read.template}")
    config: dict[str, Any] = {
        **layout.config,
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", *["token_type_ids"] * has_segments, "attention_mask"],
        "padding_side": read.padding_side,
        **({"truncation_side": "left"} if read.template.cut_side == "left" else {}),
        **({"model_max_length": read.max_length} if read.max_length else {}),
        **({"pad_token_type_id": read.segment_fill} if read.segment_fill else {}),
        **{f"{role}_token": token for role, (token, _) in tokens.items()},
        **({"additional_special_tokens": further} if further else {}),
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {**layout.files, "tokenizer_config.json": as_json(config)}.items():
        with replacing(folder / name) as beside:
            beside.write_bytes(content)
    for name in {*REPLACED} - layout.files.keys():
        (folder / name).unlink(missing_ok=True)


def _json_layout(tokenizer: Tokenizer, rows: tuple[Step, ...]) -> Layout:
    """A tokenizer.json."""
    if type(tokenizer) not in DESCRIBERS:
        known = ", ".join(kind.__name__ for kind in DESCRIBERS)
        raise ValueError(f"{type(tokenizer).__name__} cannot be written; what can: {known}")
    described = DESCRIBERS[type(tokenizer)](tokenizer)
    described = replace(described, post_processor=(*described.post_processor, *rows))
    files = {"tokenizer.json": as_json(described.to_json())}
    return Layout(files, {"tokenizer_class": "PreTrainedTokenizerFast"})


def rows_of(template: Template, tokenizer: Tokenizer) -> tuple[Step, ...]:
    """The step that makes a template's rows; none where a row is the texts alone."""
    if template.parts == Template.bare().parts:
        return ()

    def special(name: str) -> tuple[str, int]:
        number = int(name[1:]) if name.startswith("#") else tokenizer.special_ids[name]
        return tokenizer.tokens([number])[0], number

    return (template_step(template, special),)
