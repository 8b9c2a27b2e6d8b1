"""``coders flow graph``: a flow as a drawing, for a terminal or for a page."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from coders_queue.cli import exits, flow_file
from coders_queue.cli.context import Context
from coders_queue.cli.flow import drawn
from coders_queue.cli.parser import add_json
from coders_queue.flows import draw_text
from coders_queue.flows.check import check, targets
from coders_queue.flows.draw_mermaid import mermaid
from coders_queue.flows.model import Flow
from coders_queue.flows.order import Order

EXAMPLES = (
    "coders flow graph review.yaml",
    "coders flow graph review.yaml --mermaid > review.mmd",
    "coders flow graph review.yaml --json",
)
NOTES = (
    "A step a line, in an order that keeps to what waits for what; rails lead from each to those.\n"
    "A graph too wide for its rails has them in words."
)


def arguments(parser: ArgumentParser) -> None:
    """The file and the form."""
    flow_file.add_file(parser)
    parser.add_argument("--mermaid", action="store_true", help="print a Mermaid flowchart")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Read, check, draw."""
    return flow_file.telling_all(lambda: _run(options, context), options, context)


def _run(options: Namespace, context: Context) -> int:
    flow = flow_file.load(options, context)
    order = Order(check(flow), targets(flow))
    if options.json:
        context.console.json(_object(flow, order))
    elif options.mermaid:
        context.console.line(mermaid(flow, order).rstrip("\n"))
    else:
        for line in drawn(context.console, draw_text.lines(flow, order)):
            context.console.line(line)
    return exits.FINE


def _object(flow: Flow, order: Order) -> dict[str, object]:
    return {
        "flow": flow.flow,
        "steps": [
            {
                "name": name,
                "needs": list(order.waits[name].needs),
                "after": list(order.waits[name].after),
                "goes_back_to": order.targets.get(name),
            }
            for name in order.steps
        ],
    }
