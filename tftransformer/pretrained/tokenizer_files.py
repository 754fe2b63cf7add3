"""Reads the tokenizer of a Hugging Face folder into a plain description."""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tftransformer.pretrained.folder import elsewhere, read_json
from tftransformer.pretrained.tokenizer_description import (
    ROLES,
    TokenizerDescription,
)
from tftransformer.pretrained.tokenizer_json import check_ids, describe_json
from tftransformer.pretrained.tokenizer_layouts import LAYOUTS, post_processor
from tftransformer.text import AddedToken

# Spellings of special tokens where no file says any, by family.
ROBERTA = {
    "bos": "<s>",
    "eos": "</s>",
    "unk": "<unk>",
    "sep": "</s>",
    "pad": "<pad>",
    "cls": "<s>",
    "mask": "<mask>",
}
BERT = {"unk": "[UNK]", "sep": "[SEP]", "pad": "[PAD]", "cls": "[CLS]", "mask": "[MASK]"}
DEBERTA = {"bos": "[CLS]", "eos": "[SEP]", **BERT}
DEFAULTS: dict[str, dict[str, str]] = {
    "bert": BERT,
    "deberta": DEBERTA,
    "deberta_v2": DEBERTA,
    "roberta": ROBERTA,
    "gpt2": dict.fromkeys(("bos", "eos", "unk"), "<|endoftext|>"),
    "gpt": {"unk": "<unk>"},
    "t5": {"eos": "</s>", "unk": "<unk>", "pad": "<pad>"},
    "xlnet": {**ROBERTA, "sep": "<sep>", "cls": "<cls>"},
    "xlm": {
        "bos": "<s>",
        "unk": "<unk>",
        "sep": "</s>",
        "pad": "<pad>",
        "cls": "</s>",
        "mask": "<special1>",
    },
    "camembert": ROBERTA,
    "mbart": ROBERTA,
    "mbart50": ROBERTA,
    "xlmroberta": ROBERTA,
    "marian": {"eos": "</s>", "unk": "<unk>", "pad": "<pad>"},
    "llama": {"bos": "<s>", "eos": "</s>", "unk": "<unk>"},
}
# In which order those without an id get one, as in the reference.
ORDER = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
FURTHER = {"xlnet": ["<eop>", "<eod>"]}
MASK_TAKES_BLANKS = (
    "camembert",
    "deberta",
    "mbart",
    "mbart50",
    "roberta",
    "xlmroberta",
    "xlnet",
)
# Those whose rows name the language of the text, by default English.
OF_LANGUAGES = ("mbart", "mbart50")
# Names of tokenizer classes (without "Tokenizer" and "Fast") and model types, in lower case.
FAMILIES = {
    "bert": "bert",
    "deberta": "deberta",
    "debertav2": "deberta_v2",
    "deberta-v2": "deberta_v2",
    "distilbert": "bert",
    "electra": "bert",
    "roberta": "roberta",
    "bart": "roberta",
    "gpt2": "gpt2",
    "openaigpt": "gpt",
    "openai-gpt": "gpt",
    "t5": "t5",
    "xlnet": "xlnet",
    "xlm": "xlm",
    "marian": "marian",
    "camembert": "camembert",
    "mbart": "mbart",
    "mbart50": "mbart50",
    "xlmroberta": "xlmroberta",
    "xlm-roberta": "xlmroberta",
    "llama": "llama",
}
LISTS = ("additional_special_tokens", "extra_special_tokens")


def read_tokenizer_files(folder: str | os.PathLike[str]) -> TokenizerDescription:
    """Reads a folder's tokenizer, whatever files it stands in.

    tokenizer.json is the authority where it is. Else the family, which tokenizer_config.json or
    config.json names, says what there must be: vocab.txt (BERT), vocab.json and merges.txt
    (GPT, GPT-2, RoBERTa, BART, DeBERTa, XLM), spiece.model (T5, XLNet), spm.model (DeBERTa 2 and
    3), tokenizer.model (Llama), sentencepiece.bpe.model (CamemBERT, mBART, XLM-RoBERTa),
    source.spm, target.spm and vocab.json (Marian). Special tokens come from tokenizer_config.json
    in the layouts of transformers 4 and 5, special_tokens_map.json, added_tokens.json, or are those
    of the family. Nothing is downloaded, nothing pickled is read, no code is run.

    Raises:
        ValueError: if a file is missing or malformed, or asks for what is not known; names it.

    Example:
        >>> import pathlib
        >>> pathlib.Path("tiny").mkdir()
        >>> pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]
        >>> _ = pathlib.Path("tiny/vocab.txt").write_text("\\n".join(pieces))
        >>> _ = pathlib.Path("tiny/config.json").write_text('{"model_type": "bert"}')
        >>> described = read_tokenizer_files("tiny")
        >>> described.vocab_size, described.special_ids["cls"]
        (6, 2)
        >>> [part.content for part in described.row(pair=True)]
        ['[CLS]', 'A', '[SEP]', 'B', '[SEP]']
    """
    folder = Path(folder)
    config = _optional(folder / "tokenizer_config.json")
    family = _family(folder, config)
    has_json = (folder / "tokenizer.json").is_file()
    try:
        roles, flags = _roles(folder, config, family)
        if has_json:
            described = describe_json(read_json(folder / "tokenizer.json"))
        else:
            described = _older(folder, family, config, roles)
        described = _with_special(described, roles, flags, _added(folder, config, flags))
        check_ids(described)
        if not has_json:
            ids = described.ids
            tokens = {role: (token, ids[token]) for role, token in roles.items()}
            if family in OF_LANGUAGES:
                language = config.get("src_lang") or "en_XX"
                tokens["lang"] = language, ids[language]
            steps = post_processor(family, config, tokens)
            described = replace(described, post_processor=steps)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ValueError(f"{folder}: the tokenizer cannot be read: {error}") from error
    used = {f"{role}_token" for role in ROLES} | {"added_tokens_decoder", *LISTS}
    settings = {name: value for name, value in config.items() if name not in used}
    return replace(described, roles=roles, settings=settings, family=family)


def _older(
    folder: Path, family: str, config: Mapping[str, Any], roles: Mapping[str, str]
) -> TokenizerDescription:
    files, read = LAYOUTS.get(family, ((), None))
    missing = [name for name in files if not (folder / name).is_file()]
    if read is not None and not missing:
        return read(folder, config, roles)
    problem = (
        f"there is neither a tokenizer.json nor {' and '.join(missing)}"
        if missing
        else "there is no tokenizer.json, and neither tokenizer_config.json nor config.json names "
        f"a family whose other files are known ({', '.join(LAYOUTS)})"
    )
    raise ValueError(problem + elsewhere(folder / "tokenizer.json"))


def _optional(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


def _family(folder: Path, config: Mapping[str, Any]) -> str:
    """The family whose special tokens and files hold; "" where none is known."""
    name = config.get("tokenizer_class")
    if isinstance(name, str):
        name = name.removesuffix("Fast").removesuffix("Tokenizer")
    else:
        name = _optional(folder / "config.json").get("model_type")
    return FAMILIES.get(str(name).lower(), "")


def _token(value: Any, name: str) -> tuple[str, dict[str, bool]]:
    """Spelling and flags of a token, which a file writes as a string or as an object."""
    if isinstance(value, str):
        return value, {}
    if isinstance(value, Mapping) and isinstance(value.get("content"), str):
        known = ("lstrip", "rstrip", "single_word", "normalized")
        return value["content"], {flag: bool(value[flag]) for flag in known if flag in value}
    raise ValueError(f"{name} is {value!r}; expected a string, or an object with its content")


def _roles(
    folder: Path, config: Mapping[str, Any], family: str
) -> tuple[dict[str, str], dict[str, dict[str, bool]]]:
    """Spellings of the special tokens by role, and the flags of these and of further ones."""
    roles = dict(DEFAULTS.get(family, {}))
    flags: dict[str, dict[str, bool]] = {token: {} for token in FURTHER.get(family, ())}
    sources = [config]
    if "added_tokens_decoder" not in config:  # which says all, so that the map is not asked
        sources.append(_optional(folder / "special_tokens_map.json"))
    for source in sources:
        for role in ROLES:
            value = source.get(f"{role}_token", roles.get(role))
            roles.pop(role, None)
            if value is not None:
                roles[role], own = _token(value, f"{role}_token")
                flags[roles[role]] = {**flags.get(roles[role], {}), **own}
        for name in LISTS:
            further = source.get(name) or []
            for value in further.values() if isinstance(further, Mapping) else further:
                token, own = _token(value, name)
                flags[token] = {**flags.get(token, {}), **own}
    if family in MASK_TAKES_BLANKS and "mask" in roles:
        flags[roles["mask"]] = {"lstrip": True, **flags[roles["mask"]]}
    return roles, flags


def _added(folder: Path, config: Mapping[str, Any], special: Collection[str]) -> list[AddedToken]:
    """Tokens with ids that stand in tokenizer_config.json or, in old folders, added_tokens.json."""
    found = []
    for number, entry in (config.get("added_tokens_decoder") or {}).items():
        token, flags = _token(entry, f"added_tokens_decoder[{number}]")
        is_special = isinstance(entry, Mapping) and bool(entry.get("special"))
        found.append(AddedToken(token, int(number), is_special, **flags))
    if not found:
        for token, number in _optional(folder / "added_tokens.json").items():
            is_special = token in special
            found.append(AddedToken(token, number, is_special, normalized=not is_special))
    return found


def _with_special(
    described: TokenizerDescription,
    roles: Mapping[str, str],
    flags: Mapping[str, dict[str, bool]],
    added: Sequence[AddedToken],
) -> TokenizerDescription:
    """With the tokens that stand beside the model; what has no id yet gets the next one."""
    tokens = {token.content: token for token in added}
    tokens |= {token.content: token for token in described.added_tokens}  # tokenizer.json wins
    ids = replace(described, added_tokens=tuple(tokens.values())).ids
    following = max(ids.values(), default=-1) + 1
    order = [roles[role] for role in ORDER if role in roles]
    for name in dict.fromkeys([*order, *flags]):
        if name not in tokens:
            if name not in ids:
                ids[name] = following
                following += 1
            own = {"normalized": False, **flags[name]}
            tokens[name] = AddedToken(name, ids[name], special=True, **own)
    ordered = sorted(tokens.values(), key=lambda token: token.id)
    return replace(described, added_tokens=tuple(ordered))
