"""A small GPT-2 of characters, in nanoGPT's budget for a CPU.

    python examples/pretrain/shakespeare.py --data train.txt --validation val.txt [--seeds 0 1 2]

Four layers, four heads, 128 wide; 2,000 updates of 12 blocks of 64 characters. Without --data it
learns the embedded corpus. Beside it: counting the six characters before. A run that was stopped
goes on with --directory FOLDER.
"""

from language import learn_characters, options_of

import tftransformer as tt

LENGTH, ROWS = 64, 12


def gpt2(size: int) -> tt.Gpt2:
    return tt.Gpt2(
        size, 4, 128, 4, num_positions=LENGTH, dropout=0.0, attention_dropout=0.0, pad_id=0
    )


def main() -> None:
    learn_characters("gpt-2", gpt2, options_of(__doc__, minutes=15), LENGTH, ROWS, peak=4e-3)


if __name__ == "__main__":
    main()
