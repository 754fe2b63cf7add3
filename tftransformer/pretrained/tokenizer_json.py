"""Reads a tokenizer.json, as the `tokenizers` package writes it and wrote it."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from tftransformer.pretrained.tokenizer_description import (
    MODELS,
    Bpe,
    Model,
    Step,
    TokenizerDescription,
    Unigram,
)
from tftransformer.text import AddedToken

NEEDED = object()  # stands for the value of an option that has no default
BYTES = {"add_prefix_space": True, "trim_offsets": True, "use_regex": True}
BERT: dict[str, Any] = {
    "clean_text": True,
    "handle_chinese_chars": True,
    "strip_accents": None,
    "lowercase": True,
}
METASPACE = {"replacement": "▁", "prepend_scheme": "always", "split": True}
# What each step may say, and what it means where a file says nothing.
NORMALIZERS: dict[str, dict[str, Any]] = {
    "BertNormalizer": BERT,
    "ByteLevel": {},
    "Lowercase": {},
    "NFC": {},
    "NFD": {},
    "NFKC": {},
    "NFKD": {},
    "Nmt": {},
    "Precompiled": {"precompiled_charsmap": NEEDED},
    "Prepend": {"prepend": NEEDED},
    "Replace": {"pattern": NEEDED, "content": NEEDED},
    "Strip": {"strip_left": True, "strip_right": True},
    "StripAccents": {},
}
PRE_TOKENIZERS: dict[str, dict[str, Any]] = {
    "BertPreTokenizer": {},
    "ByteLevel": BYTES,
    "CharDelimiterSplit": {"delimiter": NEEDED},
    "Digits": {"individual_digits": False},
    "Metaspace": METASPACE,
    "Punctuation": {"behavior": "Isolated"},
    "Split": {"pattern": NEEDED, "behavior": NEEDED, "invert": False},
    "UnicodeScripts": {},
    "Whitespace": {},
    "WhitespaceSplit": {},
}
POST_PROCESSORS: dict[str, dict[str, Any]] = {
    "BertProcessing": {"sep": NEEDED, "cls": NEEDED},
    "ByteLevel": BYTES,
    "RobertaProcessing": {
        "sep": NEEDED,
        "cls": NEEDED,
        "trim_offsets": True,
        "add_prefix_space": True,
    },
    "TemplateProcessing": {"single": NEEDED, "pair": NEEDED, "special_tokens": NEEDED},
}
DECODERS: dict[str, dict[str, Any]] = {
    "BPEDecoder": {"suffix": "</w>"},
    "ByteFallback": {},
    "ByteLevel": BYTES,
    "Fuse": {},
    "Metaspace": METASPACE,
    "Replace": {"pattern": NEEDED, "content": NEEDED},
    "Strip": {"content": " ", "start": 0, "stop": 0},
    "WordPiece": {"prefix": "##", "cleanup": True},
}
# The chains of a file: what they are called, what a sequence of each is, and what it may hold.
CHAINS = {
    "normalizer": ("normalizers", NORMALIZERS),
    "pre_tokenizer": ("pretokenizers", PRE_TOKENIZERS),
    "post_processor": ("processors", POST_PROCESSORS),
    "decoder": ("decoders", DECODERS),
}
TOP_LEVEL = {"version", "truncation", "padding", "added_tokens", "model", *CHAINS}


def describe_json(content: Any) -> TokenizerDescription:
    """The description of a tokenizer.json's content.

    Merges may be spelled "a b" or ["a", "b"]. Where `type` is missing, as in old files, it follows
    from what stands there. Stored truncation and padding do not count: what is cut is decided
    where texts are encoded.

    Raises:
        ValueError: if something is malformed or not known; says where.
    """
    _require_mapping(content, "the file")
    unknown = sorted(content.keys() - TOP_LEVEL)
    if unknown:
        raise ValueError(f"unknown entries {', '.join(unknown)}")
    if content.get("model") is None:
        raise ValueError("there is no model")
    model = read_model(content["model"])
    chains: dict[str, Any] = {
        name: tuple(_steps(content.get(name), name, plural, known))
        for name, (plural, known) in CHAINS.items()
    }
    added = read_added(content.get("added_tokens") or [])
    described = TokenizerDescription(model, **chains, added_tokens=added)
    check_ids(described)
    check_rows(described)
    return described


def read_model(content: Any) -> Model:
    """The model of a tokenizer.json; see `describe_json`."""
    _require_mapping(content, "model")
    values = dict(content)
    kind = values.pop("type", None) or _kind_of_model(values)
    if kind not in MODELS:
        raise ValueError(f"model {kind!r} is not known; known: {', '.join(MODELS)}")
    made = MODELS[kind]
    known = {field.name: field for field in fields(made)}
    unknown = sorted(values.keys() - known.keys())
    if unknown:
        raise ValueError(f"model {kind} has unknown entries {', '.join(unknown)}")
    missing = [n for n, f in known.items() if f.default is MISSING and n not in values]
    if missing:
        raise ValueError(f"model {kind} lacks {', '.join(missing)}")
    if made is Unigram:
        values["vocab"] = tuple(_scored(*row) for row in enumerate(values["vocab"]))
    else:
        check_vocab(values["vocab"], "vocab")
    if made is Bpe:
        values["merges"] = read_merges(values["merges"])
        check_merges(values)
    return made(**values)


def read_merges(lines: Sequence[Any]) -> tuple[tuple[str, str], ...]:
    """Merges in either spelling, "a b" and ["a", "b"]."""
    merges = []
    for place, line in enumerate(lines):
        pair = tuple(line.split(" ")) if isinstance(line, str) else tuple(line)
        if len(pair) != 2 or not all(isinstance(part, str) and part for part in pair):
            raise ValueError(f"merge {place} is {line!r}; expected two pieces")
        merges.append(pair)
    return tuple(merges)


def check_vocab(vocab: Any, name: str) -> None:
    """Raises unless it is a mapping from pieces to ids, each its own."""
    _require_mapping(vocab, name)
    for piece, number in vocab.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise ValueError(f"{name}: {piece!r} has the id {number!r}; expected an int ≥ 0")
    if len(set(vocab.values())) < len(vocab):
        seen: dict[int, str] = {}
        for piece, number in vocab.items():
            if number in seen:
                raise ValueError(f"{name}: {seen[number]!r} and {piece!r} have the same id")
            seen[number] = piece


def check_merges(values: Mapping[str, Any]) -> None:
    """Raises unless every merge is of pieces and makes a piece."""
    vocab, prefix = values["vocab"], values.get("continuing_subword_prefix") or ""
    for place, (left, right) in enumerate(values["merges"]):
        for piece in (left, right, left + right.removeprefix(prefix)):
            if piece not in vocab:
                raise ValueError(
                    f"merge {place} ({left} {right}) needs {piece!r}, which vocab lacks"
                )


def read_added(entries: Sequence[Mapping[str, Any]]) -> tuple[AddedToken, ...]:
    """Added tokens by rising id."""
    known = {field.name for field in fields(AddedToken)}
    tokens = []
    for place, entry in enumerate(entries):
        _require_mapping(entry, f"added token {place}")
        if not entry.keys() <= known or not {"content", "id"} <= entry.keys():
            raise ValueError(
                f"added token {place} has {', '.join(entry)}; expected {', '.join(sorted(known))}"
            )
        tokens.append(AddedToken(**entry))
    return tuple(sorted(tokens, key=lambda token: token.id))


def check_ids(described: TokenizerDescription) -> None:
    """Raises where an added token and a piece, or two tokens, want the same id or spelling."""
    plain = TokenizerDescription(described.model).ids
    taken = {number: piece for piece, number in plain.items()}
    for token in described.added_tokens:
        other = taken.setdefault(token.id, token.content)
        own = plain.setdefault(token.content, token.id)
        if other != token.content or own != token.id:
            raise ValueError(
                f"added token {token.content!r} has the id {token.id}, which is {other!r}'s"
                if other != token.content
                else f"added token {token.content!r} has the ids {own} and {token.id}"
            )


def check_rows(described: TokenizerDescription) -> None:
    """Raises where the steps that make rows name tokens that are not there."""
    ids = described.ids
    for step in described.post_processor:
        named: list[tuple[str, int]] = []
        if step.kind == "TemplateProcessing":
            for item in [*step.options["single"], *step.options["pair"]]:
                ((kind, part),) = item.items()
                if kind == "SpecialToken":
                    token = step.options["special_tokens"].get(part["id"])
                    if token is None:
                        raise ValueError(f"post_processor: the template lacks {part['id']!r}")
                    named += zip(token["tokens"], token["ids"], strict=True)
        elif "cls" in step.options:
            named = [tuple(step.options["cls"]), tuple(step.options["sep"])]
        for token, number in named:
            if ids.get(token) != number:
                raise ValueError(
                    f"post_processor: {token!r} has the id {number}, elsewhere {ids.get(token)}"
                )


def _scored(place: int, entry: Any) -> tuple[str, float]:
    """A piece of a Unigram model and its score."""
    if not (isinstance(entry, Sequence) and len(entry) == 2 and isinstance(entry[0], str)):
        raise ValueError(f"piece {place} is {entry!r}; expected a piece and its score")
    return entry[0], float(entry[1])


def _kind_of_model(values: Mapping[str, Any]) -> str:
    """What a model without a `type` is, in the order in which the reference tries."""
    if "merges" in values:
        return "BPE"
    if isinstance(values.get("vocab"), list):
        return "Unigram"
    wordpiece = {"continuing_subword_prefix", "max_input_chars_per_word"}
    return "WordPiece" if wordpiece & values.keys() else "WordLevel"


def _steps(content: Any, name: str, plural: str, known: dict[str, dict[str, Any]]) -> list[Step]:
    if content is None:
        return []
    _require_mapping(content, name)
    if content.get("type") == "Sequence" or ("type" not in content and plural in content):
        inner = content.get(plural)
        if not isinstance(inner, list):
            raise ValueError(f"{name}: a sequence lacks its {plural}")
        return [step for part in inner for step in _steps(part, name, plural, known)]
    values = dict(content)
    kind = values.pop("type", None) or _kind_of_step(values, name, known)
    if kind not in known:
        raise ValueError(f"{name} {kind!r} is not known; known: {', '.join(known)}")
    if kind == "Metaspace":
        values = _modern_metaspace(values)
    unknown = sorted(values.keys() - known[kind].keys())
    if unknown:
        raise ValueError(f"{name} {kind} has unknown entries {', '.join(unknown)}")
    options = {**known[kind], **values}
    missing = [option for option, value in options.items() if value is NEEDED]
    if missing:
        raise ValueError(f"{name} {kind} lacks {', '.join(missing)}")
    return [Step(kind, options)]


def _kind_of_step(values: Mapping[str, Any], name: str, known: dict[str, dict[str, Any]]) -> str:
    """The only step whose entries these can be."""
    fitting = [
        kind for kind, options in known.items() if values and options.keys() == values.keys()
    ]
    if len(fitting) != 1:
        raise ValueError(f"{name} has no type, and {', '.join(values) or 'nothing'} tells none")
    return fitting[0]


def _modern_metaspace(values: dict[str, Any]) -> dict[str, Any]:
    """Until tokenizers 0.15 `add_prefix_space` said what `prepend_scheme` says now."""
    values.pop("str_rep", None)
    if "add_prefix_space" in values:
        scheme = "always" if values.pop("add_prefix_space") else "never"
        values.setdefault("prepend_scheme", scheme)
    return values


def _require_mapping(value: Any, name: str) -> None:
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} is {type(value).__name__}; expected entries by name")
