"""Where every `secretenv` begins: `run` becomes the supervisor, everything else is the command line.

`run` first blocks all signals, so that none is lost while modules load; it imports only what it needs to get there.
Then a helper process reads the command line, with typer only where it must be.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run secretenv and exit with its status."""
    if sys.platform != "linux":
        sys.exit("secretenv: needs Linux: prctl, memfd and signals that can be waited for")
    arguments = sys.argv[1:]
    if arguments[:1] != ["run"]:
        _own_path_first()
        sys.exit(_command_line(arguments))
    _run(arguments)


def _command_line(arguments: list[str]) -> int:
    """Run the command line and return its exit status; say so where there is no memory for it, even to load it."""
    from secretenv.defects import no_memory

    try:
        from secretenv.cli.main import main as command_line

        return command_line(arguments)
    except Exception as error:
        if not no_memory(error):
            raise
        import os

        os.write(2, b"secretenv: error: secretenv: there is no memory left\nsecretenv: hint: free; ulimit -v\n")
        return 1


def _run(arguments: list[str]) -> None:
    try:
        _own_path_first()
        import signal

        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    except KeyboardInterrupt:
        import os
        import signal

        # Between the interpreter's start and the mask: end as any program does, without Python's traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
        os._exit(130)
    from secretenv.supervisor.caller import Origin
    from secretenv.supervisor.loop import supervise

    def read_settings(descriptor: int) -> int:
        import os

        from secretenv.config.argv import write_settings
        from secretenv.errors import SecretenvError

        try:
            if write_settings(arguments[1:], os.environ, descriptor):
                return 0
        except SecretenvError as error:
            from secretenv.cli.stderr import show

            show(error)
            return error.status
        from secretenv.cli.main import main as command_line

        return command_line(arguments, descriptor)

    # An option that only shows something has no use for the supervisor's first fetcher.
    supervise(read_settings, Origin(mask), early=not {"--help", "--dry-run"}.intersection(arguments))


def _own_path_first() -> None:
    """Import from nowhere but the installation: not from the working directory, the script's folder or PYTHONPATH.

    Those are meant for the command, and Python puts them first.
    """
    import os

    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    given = os.environ.get("PYTHONPATH", "")
    foreign = {os.path.abspath(entry) for entry in given.split(os.pathsep)} if given else set()  # noqa: PTH100
    if not sys.flags.safe_path:
        foreign.add(os.path.abspath(sys.path[0]))  # noqa: PTH100
    sys.path[:] = [folder, *(entry for entry in sys.path if os.path.abspath(entry) not in foreign)]  # noqa: PTH100


if __name__ == "__main__":
    main()
