"""`python -m tftransformer train | translate | evaluate | export`."""

import argparse
import sys
import warnings
from collections.abc import Sequence

from tftransformer.cli import evaluate, export, train, translate

_COMMANDS = {"train": train, "translate": translate, "evaluate": evaluate, "export": export}


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Tells the defaults, where there is something to tell."""

    def _get_help_string(self, action):
        is_plain = action.default in (None, False)
        return action.help if is_plain else super()._get_help_string(action)


def _show_warning(message, category, filename, lineno, file=None, line=None):
    """What is wrong, without the line of code that found it."""
    print(f"tftransformer: {message}", file=sys.stderr)


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
            formatter_class=_HelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            options.run(options)
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python must not flush into the pipe at exit.
        sys.stdout = None
    except (OSError, ValueError, TypeError, RuntimeError, ImportError) as error:
        print(f"tftransformer: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
