"""``coders completion``: the script that teaches a shell to complete our words."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import completer, exits
from coders_queue.cli.context import Context

EXAMPLES = (
    'eval "$(coders completion bash)"    # in ~/.bashrc',
    'eval "$(coders completion zsh)"     # in ~/.zshrc, after compinit',
    "coders completion fish > ~/.config/fish/completions/coders.fish",
)


def arguments(parser: ArgumentParser) -> None:
    """Which shell."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="your shell")


def run(options: Namespace, context: Context) -> int:
    """Print the script."""
    context.console.line(completer.script(options.shell).strip("\n"))
    return exits.FINE
