"""`python -m tftransformer train | translate | evaluate | export`."""

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from tftransformer.cli import evaluate, export, predict, train
from tftransformer.cli.tasks import TASKS, saved_task, task_class
from tftransformer.version import __version__

_PROGRAM = "python -m tftransformer"
# What a wrong call, a damaged file or a missing package raises; else the program is at fault.
_EXPECTED = OSError, ValueError, TypeError, RuntimeError, ImportError
_COMMANDS = {
    "train": train,
    "predict": predict,
    "translate": predict,
    "evaluate": evaluate,
    "export": export,
}


class _Version(argparse.Action):
    """Prints the version."""

    def __call__(self, parser: Any, *_: Any) -> None:
        print(f"tftransformer {__version__}")
        parser.exit()


def _show_warning(
    message: Any, category: Any, filename: Any, lineno: Any, file: Any = None, line: Any = None
) -> None:
    """What is wrong, without the line of code that found it."""
    print(f"tftransformer: {message}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: the words behind the program's name; default those it was started with.

    Returns:
        The exit status: 0; 1 after an error, which stands on standard error; 130 after Ctrl-C and
        141 when nobody reads the output any more, as shells count. (A wrong call ends with 2, as
        argparse does.)
    """
    given = sys.argv[1:] if arguments is None else [*arguments]
    return _status(lambda: _run(given))


def answer_early() -> None:
    """Ends the process where help, the version or an error is the answer to what it was told.

    It imports neither Keras nor TensorFlow; options of a task are not looked at.
    """
    given = sys.argv[1:]
    if _helps_with_task(given):
        return
    if status := _status(lambda: _parser(None).parse_known_args(given)):
        sys.exit(status)


def _status(work: Callable[[], Any]) -> int:
    """Does some work, and returns the exit status that `main` tells of."""
    # A program that is started without them prints to nowhere.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - open to the end
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            work()
            sys.stdout.flush()  # while an error can still be told
    except BrokenPipeError:
        sys.stdout = None  # Python must not flush into the pipe at exit
        return 141
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        # TensorFlow has errors of its own, such as that there is not enough memory.
        if not isinstance(error, _EXPECTED) and not type(error).__module__.startswith("tensorflow"):
            raise
        print(f"tftransformer: {error}", file=sys.stderr)
        return 1
    return 0


def _run(given: Sequence[str]) -> None:
    """Runs the command that these words give."""
    cls = _task_meant(given)
    parser = _parser(cls)
    options, unknown = parser.parse_known_args(given)
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}; {_told_by(options)}")
    options.run(options, cls)


def _told_by(options: argparse.Namespace) -> str:
    """Which words tell what a command can be told."""
    of_task = f"--task {options.task}" if options.task else f"--model {options.model}"
    return f"`{_PROGRAM} {options.command} {of_task} --help` tells what there is."


def _task_meant(given: Sequence[str]) -> Any:
    """The class of the task whose options these words may name; None where help is enough."""
    command, told = _told(given)
    if command is None or (_asks_help(given) and not _helps_with_task(given)):
        return None
    name = told.task or ("translate" if command in ("translate", "train") else None)
    if name is None and told.model is not None:
        return saved_task(told.model)
    return task_class(name) if name in TASKS else None


def _helps_with_task(given: Sequence[str]) -> bool:
    """Whether these words ask for help with a command and the options of a task."""
    command, told = _told(given)
    names_task = told.task or (command != "train" and told.model)
    return _asks_help(given) and command is not None and bool(names_task)


def _asks_help(given: Sequence[str]) -> bool:
    return not {"-h", "--help"}.isdisjoint(given)


def _told(given: Sequence[str]) -> tuple[str | None, argparse.Namespace]:
    """The command among these words, if there is one, and the task and the model that they name."""
    quick = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    quick.add_argument("--task")
    quick.add_argument("--model")
    told, _ = quick.parse_known_args(list(given))
    return next((word for word in given if word in _COMMANDS), None), told


def _parser(cls: Any) -> argparse.ArgumentParser:
    """All commands with their options, those of a task among them."""
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description="Train and use translators, classifiers and other tasks.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, module in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command, cls)
        command.set_defaults(run=module.run, command=name)
    return parser
