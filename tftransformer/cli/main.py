"""`python -m tftransformer train | translate | evaluate | export`."""

import argparse
import sys
from collections.abc import Sequence

from tftransformer.cli import evaluate, export, train, translate

_COMMANDS = {"train": train, "translate": translate, "evaluate": evaluate, "export": export}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: the words behind the program's name; default those it was started with.

    Returns:
        The exit status: 0, or 1 after an error, which stands on standard error. (A wrong call
        ends with 2, as argparse does.)
    """
    parser = argparse.ArgumentParser(
        prog="python -m tftransformer", description="Train and use translation models."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, module in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python must not flush into the pipe at exit.
        sys.stdout = None
    except (OSError, ValueError, TypeError) as error:
        print(f"tftransformer: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
