"""Models, each a recipe over the same layers."""

from tftransformer.models.albert import Albert
from tftransformer.models.bart import Bart
from tftransformer.models.bert import Bert
from tftransformer.models.camembert import Camembert
from tftransformer.models.decoding_step import DecodingStep
from tftransformer.models.distilbert import DistilBert
from tftransformer.models.electra import Electra
from tftransformer.models.encoder_decoder import EncoderDecoder
from tftransformer.models.gpt import Gpt
from tftransformer.models.gpt2 import Gpt2
from tftransformer.models.headed_model import OneHead, SomeHeads
from tftransformer.models.mbart import MBart
from tftransformer.models.replaced_token_model import ReplacedTokenModel
from tftransformer.models.roberta import Roberta
from tftransformer.models.sentence_model import SentenceModel
from tftransformer.models.span_model import SpanModel
from tftransformer.models.stack_model import StackModel
from tftransformer.models.t5 import T5
from tftransformer.models.t5_encoder import T5Encoder
from tftransformer.models.transformer import Transformer
from tftransformer.models.transformer_xl import TransformerXL
from tftransformer.models.xlm import XLM
from tftransformer.models.xlm_roberta import XLMRoberta
from tftransformer.models.xlnet import XLNet

__all__ = [
    "T5",
    "XLM",
    "Albert",
    "Bart",
    "Bert",
    "Camembert",
    "DecodingStep",
    "DistilBert",
    "Electra",
    "EncoderDecoder",
    "Gpt",
    "Gpt2",
    "MBart",
    "OneHead",
    "ReplacedTokenModel",
    "Roberta",
    "SentenceModel",
    "SomeHeads",
    "SpanModel",
    "StackModel",
    "T5Encoder",
    "Transformer",
    "TransformerXL",
    "XLMRoberta",
    "XLNet",
]
