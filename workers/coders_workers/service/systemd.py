"""The systemd unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: The unit's name.
UNIT = "coders.service"


def unit(argv: Sequence[str], environ: Mapping[str, str], user: str | None) -> str:
    """The unit's text; for the system's manager when ``user``, who it is run as, is given."""
    lines = [
        "[Unit]",
        "Description=coders: coding agents as Celery tasks",
        "StartLimitIntervalSec=300",
        "StartLimitBurst=5",
    ]
    if user is not None:
        lines += ["Wants=network-online.target", "After=network-online.target redis.service"]
    # a command's words, unlike a variable's value, are looked through for variables
    command = " ".join(_word(word).replace("$", "$$") for word in argv)
    lines += ["", "[Service]", "Type=exec", f"ExecStart={command}"]
    if user is not None:
        lines.append(f"User={user}")
    lines += [f"Environment={_word(f'{name}={value}')}" for name, value in environ.items()]
    lines += [
        "# the main process alone: agents and their terminals outlive a restart of the unit",
        "KillMode=process",
        "Restart=on-failure",
        "RestartSec=5",
        "TimeoutStopSec=120",
        "",
        "[Install]",
        f"WantedBy={'default.target' if user is None else 'multi-user.target'}",
    ]
    return "\n".join(lines) + "\n"


def _word(text: str) -> str:
    """One word, quoted, in which systemd expands nothing."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return '"' + escaped.replace("\n", "\\n") + '"'
