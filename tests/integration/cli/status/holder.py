"""A process that holds a status as a run does: in a memfd, which it shares with what it forks.

    python -c CODE secretenv run CHANGES [fork|rewrite|again]

CHANGES is JSON: fields that differ from those of a run that started 100 seconds ago and looked 10 seconds ago, or a
text to write as it is, or the length of one. It prints its pid, then that of what it forked or started.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

BOOT = "/proc/sys/kernel/random/boot_id"


def status(**changes: Any) -> dict[str, Any]:
    """Return the status of this process."""
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    well: dict[str, Any] = {
        "format": 1,
        "pid": os.getpid(),
        "pid_namespace": 0,
        "boot": Path(BOOT).read_text("ascii").strip(),
        "written": now,
        "time": time.time(),
        "program": "myapp",
        "phase": "running",
        "shutdown": "",
        "started": now - 100,
        "since": now - 90,
        "restarts": 0,
        "interval": 300.0,
        "looked_at": now - 10,
        "next_look": now + 290,
        "trial_until": None,
        "secrets": [{"secret": "app", "version": "v1", "since": now - 90, "source": "aws", "newest": ""}],
        "refused": [],
        "failing": None,
        "cache": None,
        "certificate_end": None,
    }
    return well | changes


def main() -> None:
    """Write the status, and wait for a signal."""
    changes = json.loads(sys.argv[3])
    mode = sys.argv[4]
    memory = os.memfd_create("secretenv-status")

    def write(text: str) -> None:
        content = text.encode("utf-8", "surrogatepass")
        os.pwrite(memory, content, 0)
        os.ftruncate(memory, len(content))

    if isinstance(changes, int):
        changes = "x" * changes
    write(changes if isinstance(changes, str) else json.dumps(status(**changes)))
    pids = [os.getpid()]
    if mode == "fork":
        pids.append(os.fork())
    elif mode == "again":
        pids.append(os.posix_spawn("/bin/sleep", ["sleep", "1000"], os.environ))
    if pids[-1]:
        os.write(1, f"{' '.join(map(str, pids))}\n".encode())
    while mode == "rewrite":
        for length in range(1, 2000, 7):
            write(json.dumps(status(program="x" * length, restarts=length)))
    signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
