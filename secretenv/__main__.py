"""Where every `secretenv` begins: `run` becomes the supervisor, everything else is the command line.

`run` first blocks all signals, so that none is lost while modules load; it imports only what it needs to get there.
Then a helper process reads the command line, with typer only where it must be.

Any Python from 3.6 on can load this file, to learn that it is too old: no import from `__future__`, no newer syntax.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal


def _refuse(why: str, hint: str) -> None:
    """Say why secretenv does not run on this system, and exit as a failure of the command does."""
    sys.stderr.write("secretenv: error: secretenv: {}\nsecretenv: hint: {}\n".format(why, hint))  # noqa: UP032
    sys.exit(125 if sys.argv[1:2] == ["run"] else 1)


if sys.version_info < (3, 11):  # noqa: UP036 - whoever starts the module by name can choose any
    _refuse(
        "needs Python 3.11 or newer, and this is Python {}.{}.{}".format(*sys.version_info[:3]),
        "python3.11 -m secretenv, or install secretenv for a newer Python",
    )
if sys.platform != "linux":
    _refuse("runs on Linux only: it needs prctl, memfd and sigtimedwait", "start it in a container or on the device")


def main() -> None:
    """Run secretenv and exit with its status."""
    arguments = sys.argv[1:]
    try:
        _own_path_first()
        if arguments[:1] != ["run"]:
            sys.exit(_command_line(arguments))
        import signal

        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    except KeyboardInterrupt:
        import os
        import signal

        # A Ctrl-C before the mask, or before the command line handles it: end as any program does, without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
        os._exit(130)
    _run(arguments, mask)


def _command_line(arguments: list[str]) -> int:
    """Run the command line and return its exit status, whatever goes wrong in it or on the way to it."""
    try:
        from secretenv.cli.main import main as command_line

        return command_line(arguments)
    except Exception as error:  # noqa: BLE001 - its text may hold a value
        return _failed(error, 1)


def _failed(error: Exception, status: int) -> int:
    """Show an error that no module foresaw, without its text, and return the status."""
    import os

    # Anything else that writes would need memory, or loads modules that may be as broken as what failed.
    words, hint = "there is no memory left", "free; ulimit -v"
    try:
        from secretenv.defects import no_memory, unexpected
        from secretenv.errors import SecretenvError

        if not no_memory(error):
            told = unexpected(error, SecretenvError)
            words, hint = told.message, told.hint
    except ImportError as missing:
        words = f"cannot load {missing.name or 'a module'}: {type(missing).__name__}"
        hint = "is the installation complete? pip check; or install secretenv again"
    except MemoryError:
        pass
    os.write(2, f"secretenv: error: secretenv: {words}\nsecretenv: hint: {hint}\n".encode())
    return status


def _run(arguments: list[str], mask: "set[int | signal.Signals]") -> None:
    """Become the supervisor.

    Args:
        arguments: the words after `secretenv`.
        mask: the signals that the caller blocks.
    """
    import gc

    try:
        from secretenv.supervisor import starting
        from secretenv.supervisor.caller import Origin
    except Exception as error:  # noqa: BLE001 - an installation that is not whole
        sys.exit(_failed(error, 125))

    def read_settings(descriptor: int) -> int:
        from secretenv.errors import FAILED

        try:
            return _read_settings(arguments, descriptor)
        except OSError:
            raise  # the supervisor's words for a process that could not be started
        except Exception as error:  # noqa: BLE001 - its text may hold a value
            return _failed(error, FAILED)

    def open_cache() -> None:
        from secretenv.cache.main import main as opener

        opener()

    origin = Origin(mask)
    settings, signals, first, opener = starting.begin(read_settings, origin, arguments[1:], open_cache)
    starting.unload()
    del starting
    gc.collect()  # its functions refer to one another
    try:
        from secretenv.supervisor.loop import supervise
    except Exception as error:  # noqa: BLE001 - an installation that is not whole
        sys.exit(_failed(error, 125))
    supervise(settings, origin, signals, first=first, opener=opener)


def _read_settings(arguments: list[str], descriptor: int) -> int:
    """Write the settings to the descriptor, or show why there are none, and return an exit status."""
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


def _own_path_first() -> None:
    """Import from nowhere but the installation: not from the working directory, the script's folder or PYTHONPATH.

    Those are meant for the command, and Python puts them first. The installation comes after the standard library: it
    may hold an old backport (enum34) under the name of one of its modules.
    """
    import os

    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    given = os.environ.get("PYTHONPATH", "")
    foreign = {os.path.abspath(entry) for entry in given.split(os.pathsep)} if given else set()  # noqa: PTH100
    if not sys.flags.safe_path:
        foreign.add(os.path.abspath(sys.path[0]))  # noqa: PTH100
    foreign.add(folder)
    kept = [entry for entry in sys.path if os.path.abspath(entry) not in foreign]  # noqa: PTH100
    library = os.path.dirname(os.__file__)  # noqa: PTH120
    ends = [place for place, entry in enumerate(kept, 1) if entry == library or entry.endswith("/lib-dynload")]
    kept.insert(max(ends, default=0), folder)
    sys.path[:] = kept


if __name__ == "__main__":
    main()
