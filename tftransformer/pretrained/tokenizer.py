"""The tokenizer of a Hugging Face folder, ready to use."""

import os
from dataclasses import dataclass

from tftransformer.pretrained.tokenizer_description import RowPart, TokenizerDescription
from tftransformer.pretrained.tokenizer_files import read_tokenizer_files
from tftransformer.pretrained.tokenizers import make_tokenizer
from tftransformer.pretrained.tokenizers.common import ORDER, special_ids
from tftransformer.pretrained.tokenizers.sentencepiece import make_target
from tftransformer.text import Template, Tokenizer

UNLIMITED = 10**20  # transformers writes 10^30 where a tokenizer sets no limit


@dataclass(frozen=True)
class FolderTokenizer:
    """The tokenizer of a folder, with its template and lengths.

    Attributes:
        tokenizer: the tokenizer; for a pair of languages, that of the source.
        template: how one or two texts are joined to a row, and on which side they are cut.
        max_length: largest number of tokens in a row, special ones included; None: no limit given.
        padding_side: `"right"` or `"left"`, the side on which Hugging Face's library pads rows. A
            task pads as its model needs: no answer depends on what stands in the same batch.
        segment_fill: the segment of padding.
        target: the tokenizer of the target language, where the folder has two.
    """

    tokenizer: Tokenizer
    template: Template
    max_length: int | None = None
    padding_side: str = "right"
    segment_fill: int = 0
    target: Tokenizer | None = None


def read_tokenizer(folder: str | os.PathLike[str]) -> FolderTokenizer:
    """Reads the tokenizer and the row template of a folder, in whichever files they are.

    See `read_tokenizer_files` for what is read. Nothing is downloaded, nothing pickled is read, no
    code is run.

    Raises:
        ValueError: a file is missing or malformed, or asks for what is not known; names it.

    Example:
        >>> import pathlib
        >>> pathlib.Path("tiny").mkdir()
        >>> pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "embed", "##ding"]
        >>> _ = pathlib.Path("tiny/vocab.txt").write_text("\\n".join(pieces))
        >>> _ = pathlib.Path("tiny/config.json").write_text('{"model_type": "bert"}')
        >>> read = read_tokenizer("tiny")
        >>> read.tokenizer.encode(["Embedding"]).ids.tolist(), read.template
        ([[5, 6]], Template('cls a sep', 'cls a sep b:1 sep:1'))
    """
    description = read_tokenizer_files(folder)
    try:
        tokenizer, target = make_tokenizer(description), make_target(description)
    except ValueError as error:
        raise ValueError(f"{folder}: the tokenizer cannot be made: {error}") from error
    settings, is_xlnet = description.settings, description.family == "xlnet"
    most = settings.get("model_max_length")
    return FolderTokenizer(
        tokenizer,
        make_template(description),
        int(most) if most is not None and most < UNLIMITED else None,
        settings.get("padding_side", "left" if is_xlnet else "right"),
        settings.get("pad_token_type_id", 3 if is_xlnet else 0),
        target,
    )


def make_template(description: TokenizerDescription) -> Template:
    """The template that makes a description's rows."""
    single, pair = (_row(description, description.row(pair)) for pair in (False, True))
    return Template(single, pair, description.settings.get("truncation_side", "right"))


def _row(description: TokenizerDescription, parts: list[RowPart]) -> str:
    """A row as a template writes it."""
    ids, known = description.ids, special_ids(description)
    names = {known[role]: role for role in reversed(ORDER) if role in known}
    words = []
    for part in parts:
        number = 0 if part.is_text else ids[part.content]
        name = part.content.lower() if part.is_text else names.get(number, f"#{number}")
        words.append(f"{name}:{part.segment}" if part.segment else name)
    return " ".join(words)
