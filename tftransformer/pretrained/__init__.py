"""Reading and writing of Hugging Face folders."""

from tftransformer.pretrained.load import Loaded, from_pretrained, load_pretrained
from tftransformer.pretrained.save import save_pretrained
from tftransformer.pretrained.sentence_files import (
    SentenceFiles,
    read_sentence_files,
    write_sentence_files,
)
from tftransformer.pretrained.tokenizer import FolderTokenizer, read_tokenizer
from tftransformer.pretrained.tokenizer_description import TokenizerDescription
from tftransformer.pretrained.tokenizer_files import read_tokenizer_files
from tftransformer.pretrained.tokenizer_saving import save_tokenizer

__all__ = [
    "FolderTokenizer",
    "Loaded",
    "SentenceFiles",
    "TokenizerDescription",
    "from_pretrained",
    "load_pretrained",
    "read_sentence_files",
    "read_tokenizer",
    "read_tokenizer_files",
    "save_pretrained",
    "save_tokenizer",
    "write_sentence_files",
]
