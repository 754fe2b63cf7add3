"""The families of models that Hugging Face's files can hold: one file of data each."""

from tftransformer.pretrained.families.bart import BART
from tftransformer.pretrained.families.bert import BERT
from tftransformer.pretrained.families.distilbert import DISTILBERT
from tftransformer.pretrained.families.gpt import GPT
from tftransformer.pretrained.families.gpt2 import GPT2
from tftransformer.pretrained.families.marian import MARIAN
from tftransformer.pretrained.families.roberta import ROBERTA
from tftransformer.pretrained.families.t5 import T5_ENCODER, T5_WHOLE
from tftransformer.pretrained.families.transformer_xl import TRANSFORMER_XL
from tftransformer.pretrained.families.xlm import XLM_FAMILY
from tftransformer.pretrained.families.xlnet import XLNET
from tftransformer.pretrained.family import Family

FAMILIES: tuple[Family, ...] = (
    BART,
    BERT,
    DISTILBERT,
    GPT,
    GPT2,
    MARIAN,
    ROBERTA,
    T5_WHOLE,
    T5_ENCODER,
    TRANSFORMER_XL,
    XLM_FAMILY,
    XLNET,
)
