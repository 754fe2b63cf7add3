"""CamemBERT's files: RoBERTa's under other names of classes."""

from tftransformer.models import Camembert
from tftransformer.pretrained.families.roberta import like_roberta

CAMEMBERT = like_roberta("camembert", Camembert, "Camembert")
