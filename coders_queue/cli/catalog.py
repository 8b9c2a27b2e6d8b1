"""The table of commands: each one's module, loaded only when it is asked for.

This is how a command keeps its imports at the top of its file while ``coders spawn`` pays for
nothing but its own.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from importlib import import_module
from typing import Protocol

from coders_queue.cli.context import Context
from coders_queue.in_session import table


class CommandModule(Protocol):
    """What every module in ``commands/`` offers."""

    EXAMPLES: tuple[str, ...]

    def arguments(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        ...

    def run(self, options: Namespace, context: Context) -> int:
        """Do it and return the exit code."""
        ...


class Entry:
    """One command, before its module is loaded; or several below one word."""

    __slots__ = ("children", "group", "name", "summary", "takes_argv", "verbatim")

    def __init__(
        self,
        group: str,
        name: str,
        summary: str,
        *,
        takes_argv: bool = False,
        verbatim: bool = False,
        children: tuple[Entry, ...] = (),
    ) -> None:
        self.group = group
        self.name = name
        self.summary = summary
        #: Whether all after ``--`` is the agent's, byte for byte.
        self.takes_argv = takes_argv
        #: Whether all that follows is handed on unread.
        self.verbatim = verbatim
        #: Commands below it, ``agents ls``; the first is meant when none is named. It has no module
        #: of its own then.
        self.children = children

    def load(self) -> CommandModule:
        """Import the command's module."""
        path = self.name.replace(" ", ".")
        module: CommandModule = import_module(f"coders_queue.cli.commands.{path}")
        return module


class VerbEntry(Entry):
    """A verb of a session's own socket, which is described once for all who offer it."""

    __slots__ = ()

    def load(self) -> CommandModule:
        """Make the command of the verb's description."""
        module = import_module("coders_queue.cli.in_session")
        command: CommandModule = module.VerbCommand(table.load(self.name.rpartition(" ")[2]))
        return command


_HERE = tuple(VerbEntry("", f"here {name}", summary) for name, summary in table.SUMMARIES.items())

_AGENTS = (
    Entry("", "agents ls", "the agents: versions here, pinned, installed, tested"),
    Entry("", "agents check", "check an agent's program and login, and say the fix"),
    Entry("", "agents install", "install a version of an agent's program"),
    Entry("", "agents rm", "remove an installed version"),
    Entry("", "agents pin", "pin an agent to a version, or see what is pinned"),
    Entry("", "agents read", "what a recorded screen, stream or transcript says"),
    Entry("", "agents conform", "drive a real CLI against the model stub", verbatim=True),
)

_LIMITS = (
    Entry("", "limits ls", "the limits and how far they are used, shares, used-up quotas"),
    Entry("", "limits set", "make a limit, or another one of it"),
    Entry("", "limits rm", "remove a limit"),
    Entry("", "limits share", "the weight of an owner when sessions wait"),
    Entry("", "limits reopen", "a quota that counts as used up is not, after all"),
)

_FLOWS = (
    Entry("", "flow ls", "list flows"),
    Entry("", "flow run", "begin a flow, watch it, print what it gives"),
    Entry("", "flow show", "how each step of a flow stands"),
    Entry("", "flow wait", "wait until a flow is over"),
    Entry("", "flow cancel", "end a flow with all its sessions"),
    Entry("", "flow resume", "try again what failed in a flow"),
    Entry("", "flow check", "whether a flow's file is right, and what would start first"),
    Entry("", "flow graph", "a flow as a drawing, or as a Mermaid chart"),
)

_CONTEXT = (
    Entry("", "context ls", "the spaces, or what one holds"),
    Entry("", "context get", "print an entry, now or as it was"),
    Entry("", "context put", "write an entry"),
    Entry("", "context rm", "remove an entry, or a whole space"),
    Entry("", "context search", "find entries by words"),
    Entry("", "context history", "who wrote what and when"),
)

_APPROVALS = (
    Entry("", "approvals ls", "what waits for a person, of all agents and hosts"),
    Entry("", "approvals show", "one of it, with all that its agent shows"),
)

_RULES = (
    Entry("", "rules ls", "the rules, how far they have read, what became of what they did"),
    Entry("", "rules check", "whether rules are right"),
    Entry("", "rules test", "what a rule would do on an event"),
)

_SERVICE = (
    Entry("", "service show", "the unit as it would be written"),
    Entry("", "service install", "have the machine start the stack, and keep it"),
    Entry("", "service remove", "the machine starts it no more"),
    Entry("", "service run", "the whole stack in the foreground"),
)

_TABLE = (
    Entry("Sessions", "run", "start an agent, watch it, print its result", takes_argv=True),
    Entry("Sessions", "spawn", "start an agent and leave it running", takes_argv=True),
    Entry("Sessions", "ls", "list sessions"),
    Entry("Sessions", "show", "all that is known of a session"),
    Entry("Sessions", "logs", "what a session printed, or prints (-f)"),
    Entry("Sessions", "attach", "enter a session's terminal"),
    Entry("Sessions", "send", "type text into a session"),
    Entry("Sessions", "message", "send a message to a session or a person"),
    Entry("Sessions", "inbox", "read the messages for you, or for a session"),
    Entry("Sessions", "approvals", "what waits for a person", children=_APPROVALS),
    Entry("Sessions", "approve", "answer what an agent asks"),
    Entry("Sessions", "deny", "say no to what an agent asks"),
    Entry("Sessions", "answer", "answer what a session asks"),
    Entry("Sessions", "kill", "end sessions"),
    Entry("Sessions", "prioritize", "change when it is a waiting session's turn"),
    Entry("Sessions", "wait", "wait until a session ends"),
    Entry("Sessions", "result", "the result of a session that ended"),
    Entry("Sessions", "flow", "sessions that work together, from a file", children=_FLOWS),
    Entry("Sessions", "here", "inside of a session: what its agent asks for", children=_HERE),
    Entry("Sessions", "mcp", "inside of a session: the same as an MCP server"),
    Entry("The fleet", "limits", "limits and shares of all hosts", children=_LIMITS),
    Entry("The fleet", "context", "what sessions and people share", children=_CONTEXT),
    Entry("The fleet", "rules", "on these events, do that", children=_RULES),
    Entry("This machine", "up", "start the broker, the worker and beat"),
    Entry("This machine", "down", "stop them; sessions stay"),
    Entry("This machine", "status", "what runs here"),
    Entry("This machine", "clean", "remove what ended sessions left"),
    Entry("This machine", "doctor", "check this machine and say the fix"),
    Entry("This machine", "agents", "the agents' programs and their versions", children=_AGENTS),
    Entry("This machine", "service", "the stack as a service of the machine", children=_SERVICE),
    Entry("This machine", "worker", "run a worker in the foreground", verbatim=True),
    Entry("This machine", "flower", "watch the queue in a browser", verbatim=True),
    Entry("The rest", "config", "the configuration and where each value came from"),
    Entry("The rest", "completion", "completion for bash, zsh or fish"),
    Entry("The rest", "version", "the version"),
)

#: Every command by its name, in the order of the help.
COMMANDS: dict[str, Entry] = {entry.name: entry for entry in _TABLE}
