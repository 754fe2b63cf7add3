#!/bin/bash
# One step of what benchmarks/gpu/ measures, each meant to end within ten minutes on one card:
#
#     cd benchmarks && bash gpu/all.sh STEP [python with torch]
#
# Figures are kept in gpu.jsonl: a step that was cut off goes on where it stopped when run again.
set -eu
step=$1 torch=${2:-python}
training() { python -m gpu.training --torch-python "$torch" --kept gpu.jsonl "$@"; }
case $step in
  1) training --models base ;;
  2) training --models gpt2 ;;
  3) training --models bert ;;
  4) python -m gpu.generation --torch-python "$torch" --kept gpu.jsonl ;;
  5) python -m gpu.attention differences && python -m gpu.attention speed --kept gpu.jsonl ;;
  6) python -m gpu.idle ;;
  7) python serving.py --search greedy --peer-python "$torch" --servers saved_model-float32 \
       saved_model-bfloat16 saved_model-int8 compiled-float32 compiled-bfloat16 compiled-int8 \
       ctranslate2-float32 ctranslate2-bfloat16 ctranslate2-int8 transformers-float32 ;;
  *) echo "a step from 1 to 7, not $step" >&2; exit 2 ;;
esac
