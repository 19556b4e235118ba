"""The part of docs/architecture.md that shows the states of the command, made from the tables of the supervisor."""

from __future__ import annotations

from secretenv.supervisor.phases import CLEANING, ENDED, MOVES, RUNNING, STOPPING, WAITING
from secretenv.supervisor.signals import COLUMNS, TABLE

MEANINGS = {
    WAITING: "the first fetch, or its retries; there is no command yet",
    RUNNING: "the command runs; checks, retries and a planned restart do not change that",
    STOPPING: "a restart has begun: the command was sent the kill signal, and the kill timeout is running",
    CLEANING: "the old command is dead; the processes that it left are being killed",
    ENDED: "secretenv ends, or has become the command",
}
SENDERS = {
    "sent": "another process",
    "kernel": "the kernel: the caller's alarm or limit",
    "terminal": "the terminal, to the whole job",
    "leader": "the terminal, to the session leader alone",
    "command": "the command, to secretenv alone",
    "job": "the command, to the group that both share",
    "echo": "the command, repeating or echoing",
}
STEPS = {
    "end": "ends secretenv",
    "begin": "begins the shutdown",
    "hold": "delays a restart",
    "send": "forwarded",
    "stop": "stops secretenv",
    "drop": "dropped",
}


def graph() -> str:
    """Return the phases and what leads from one to the next, as a Mermaid graph."""
    edges = [f"    {phase} --> {target}: {event}" for (phase, event), target in MOVES.items()]
    return "\n".join(["stateDiagram-v2", "    [*] --> waiting", *edges, "    ended --> [*]"])


def signals() -> str:
    """Return what becomes of a signal, as a table in Markdown."""
    rows = [["phase", "from", *COLUMNS]]
    rows.append(["---"] * len(rows[0]))
    for (phase, sender), cells in TABLE.items():
        rows.append([phase, SENDERS[sender], *(", ".join(STEPS[step] for step in cell) or "-" for cell in cells)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def fragment() -> str:
    """Return the whole part: the phases, the graph, the signals."""
    phases = "\n".join(f"- **{phase}**: {meaning}." for phase, meaning in MEANINGS.items())
    return f"{phases}\n\n```mermaid\n{graph()}\n```\n\n{signals()}"
