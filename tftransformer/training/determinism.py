"""Operations that give the same bits each time: TensorFlow's switch, which is the process's."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf
from tensorflow.python.framework import config  # what is public can neither ask nor switch off


@contextlib.contextmanager
def deterministic_operations(enabled: bool) -> Iterator[None]:
    """Within it, operations that run for the first time sum in a fixed order, on a GPU too.

    It holds for all threads of the process, and is put back as it was.

    Args:
        enabled: False leaves everything as it is.

    Raises:
        NotImplementedError: an operation has no such way on the device.
    """
    if not enabled or config.is_op_determinism_enabled():
        yield
        return
    tf.config.experimental.enable_op_determinism()
    try:
        yield
    except tf.errors.UnimplementedError as error:
        raise NotImplementedError(
            f"deterministic=True: TensorFlow cannot compute this in a fixed order here "
            f"({error.message}). Train without it: a resumed run is then not equal bit by bit."
        ) from error
    finally:
        config.disable_op_determinism()
