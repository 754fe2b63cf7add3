"""What a tokenizer's files say, as plain typed values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from tftransformer.text import AddedToken

ROLES = ("unk", "bos", "eos", "cls", "sep", "pad", "mask")


@dataclass(frozen=True)
class WordPiece:
    """Longest piece first, from the left (Schuster & Nakajima 2012)."""

    vocab: Mapping[str, int]
    unk_token: str = "[UNK]"
    continuing_subword_prefix: str = "##"
    max_input_chars_per_word: int = 100


@dataclass(frozen=True)
class WordLevel:
    """A word is a piece."""

    vocab: Mapping[str, int]
    unk_token: str = "<unk>"


@dataclass(frozen=True)
class Bpe:
    """Byte pair encoding (Sennrich et al. 2016): merges, the first ones first."""

    vocab: Mapping[str, int]
    merges: tuple[tuple[str, str], ...]
    unk_token: str | None = None
    continuing_subword_prefix: str | None = None
    end_of_word_suffix: str | None = None
    fuse_unk: bool = False
    byte_fallback: bool = False
    ignore_merges: bool = False
    dropout: float | None = None


@dataclass(frozen=True)
class Unigram:
    """The most probable pieces (Kudo 2018): pieces and their log-probabilities, by id."""

    vocab: tuple[tuple[str, float], ...]
    unk_id: int | None = None
    byte_fallback: bool = False


@dataclass(frozen=True)
class SentencePiece:
    """A model of the sentencepiece library (Kudo & Richardson 2018), as its file holds it.

    Attributes:
        data: the file.
        vocab: ids by piece: the file's own or, for Marian, those of vocab.json.
        target_data: Marian's model of the other language.
        target_vocab: its ids, where they are not the same.
    """

    data: bytes = field(repr=False)
    vocab: Mapping[str, int] = field(repr=False)
    target_data: bytes | None = field(default=None, repr=False)
    target_vocab: Mapping[str, int] | None = field(default=None, repr=False)


Model = WordPiece | WordLevel | Bpe | Unigram | SentencePiece
MODELS: dict[str, type] = {
    "BPE": Bpe,
    "WordPiece": WordPiece,
    "WordLevel": WordLevel,
    "Unigram": Unigram,
}


class Step(NamedTuple):
    """One step of a chain, by the name and with the options of the `tokenizers` package."""

    kind: str
    options: Mapping[str, Any]


class RowPart(NamedTuple):
    """A part of a row: a text ("A" or "B") or the spelling of a token, and its segment."""

    content: str
    segment: int
    is_text: bool


@dataclass(frozen=True)
class TokenizerDescription:
    """A tokenizer as its folder describes it, whatever files that stood in.

    Attributes:
        model: what cuts words into pieces.
        normalizer: steps that change the text, in order; sequences are flat.
        pre_tokenizer: steps that cut it into words.
        post_processor: steps that put special tokens around the ids.
        decoder: steps from pieces back to text.
        added_tokens: tokens beside the pieces, by rising id.
        roles: spellings of the special tokens by what they are for: "unk", "bos", "eos", "cls",
            "sep", "pad", "mask".
        rules: whose rules hold beside these steps: "tokenizers", "sentencepiece", or the family
            whose Python class does it, "xlm" or "marian".
        settings: what tokenizer_config.json says besides.
        family: the family whose class of tokenizers the folder names, such as "bert"; "" where it
            names none that is known.
    """

    model: Model
    normalizer: tuple[Step, ...] = ()
    pre_tokenizer: tuple[Step, ...] = ()
    post_processor: tuple[Step, ...] = ()
    decoder: tuple[Step, ...] = ()
    added_tokens: tuple[AddedToken, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    rules: str = "tokenizers"
    settings: Mapping[str, Any] = field(default_factory=dict)
    family: str = ""

    @property
    def ids(self) -> dict[str, int]:
        """Ids of all pieces and added tokens."""
        vocab = self.model.vocab
        if isinstance(vocab, Mapping):
            ids = dict(vocab)
        else:
            ids = {piece: index for index, (piece, _) in enumerate(vocab)}
        return ids | {token.content: token.id for token in self.added_tokens}

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return len(set(self.ids.values()))

    @property
    def special_ids(self) -> dict[str, int]:
        """Ids of the special tokens by what they are for."""
        ids = self.ids
        return {role: ids[token] for role, token in self.roles.items() if token in ids}

    def row(self, pair: bool = False) -> list[RowPart]:
        """How one text, or a pair of texts, becomes a row."""
        for step in self.post_processor:
            if step.kind == "TemplateProcessing":
                items = step.options["pair" if pair else "single"]
                return [part for item in items for part in _parts(item, step.options)]
            if step.kind in ("BertProcessing", "RobertaProcessing"):
                cls, sep = step.options["cls"][0], step.options["sep"][0]
                second = int(step.kind == "BertProcessing")
                row = [RowPart(cls, 0, False), RowPart("A", 0, True), RowPart(sep, 0, False)]
                if pair:
                    row += [] if second else [RowPart(sep, 0, False)]
                    row += [RowPart("B", second, True), RowPart(sep, second, False)]
                return row
        return [RowPart("A", 0, True)] + ([RowPart("B", 1, True)] if pair else [])

    def to_json(self) -> dict[str, Any]:
        """The content of a tokenizer.json.

        Raises:
            ValueError: if its rules are not those of the `tokenizers` package.
        """
        if self.rules != "tokenizers" or isinstance(self.model, SentencePiece):
            raise ValueError(f"tokenizer.json cannot express the rules of {self.rules}.")
        (kind,) = (name for name, made in MODELS.items() if type(self.model) is made)
        model = {"type": kind, **asdict(self.model)}
        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [asdict(token) for token in self.added_tokens],
            "normalizer": _chain(self.normalizer, "normalizers"),
            "pre_tokenizer": _chain(self.pre_tokenizer, "pretokenizers"),
            "post_processor": _chain(self.post_processor, "processors"),
            "decoder": _chain(self.decoder, "decoders"),
            "model": model,
        }


def _chain(steps: tuple[Step, ...], plural: str) -> dict[str, Any] | None:
    made = [{"type": step.kind, **step.options} for step in steps]
    if len(made) < 2:
        return made[0] if made else None
    return {"type": "Sequence", plural: made}


def _parts(item: Mapping[str, Any], options: Mapping[str, Any]) -> list[RowPart]:
    """What an entry of a template stands for: a text, or the tokens that it names."""
    ((kind, part),) = item.items()
    if kind == "Sequence":
        return [RowPart(part["id"], part["type_id"], True)]
    tokens = options["special_tokens"][part["id"]]["tokens"]
    return [RowPart(token, part["type_id"], False) for token in tokens]
