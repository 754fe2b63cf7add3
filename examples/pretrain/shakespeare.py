"""A small GPT-2 of characters, in nanoGPT's budget for a CPU.

    python examples/pretrain/shakespeare.py --data train.txt --validation val.txt [--seeds 0 1 2]

Four layers, four heads, 128 wide; 2,000 updates of 12 blocks of 64 characters. Without --data it
learns the embedded corpus. Beside it: counting the six characters before. A run that was stopped
goes on with --directory FOLDER.
"""

import keras
from language import Log, as_ids, batches_of, counted, options_of, texts_of, trained

import tftransformer as tt

LENGTH, ROWS = 64, 12


def main() -> None:
    options = options_of(__doc__, minutes=15)
    size, (train, validation) = as_ids(*texts_of(options))
    log = Log(options.directory)
    log("characters", train=len(train), validation=len(validation), kinds=size - 1)
    log("counting, order 7", nats=counted(train, validation, 7))
    held_out = batches_of(validation, LENGTH, 64, documents="joined", training=False)
    for seed in options.seeds:
        keras.utils.set_random_seed(seed)
        batches = batches_of(train, LENGTH, ROWS, documents="joined", training=True, seed=seed)

        def make() -> tt.Gpt2:
            return tt.Gpt2(
                size, 4, 128, 4, num_positions=LENGTH, dropout=0.0, attention_dropout=0.0, pad_id=0
            )

        with log.part():
            run = options.directory / f"seed_{seed}"
            _, nats = trained(make, batches, held_out, options, run, peak=4e-3)
            log(f"gpt-2, seed {seed}", nats=nats)


if __name__ == "__main__":
    main()
