"""Everything about a flow that can be wrong before it starts.

Finds all of it, not just the first; each thing has its key, and so its file and line. What the
steps wait for comes out of it: what is named, and what is referred to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from coders_queue import errors, json_schema
from coders_queue.agents import registry
from coders_queue.documents.document import Document
from coders_queue.documents.mistakes import meant
from coders_queue.documents.parsed import KeyPath
from coders_queue.flows import language, parameters, templates
from coders_queue.flows.check_references import Scanned, check_previous, scan
from coders_queue.flows.model import OF_MERGES, Flow, Merge, SessionFields, Step
from coders_queue.flows.order import Order, Waits, cycle
from coders_queue.flows.problem import Problem, refuse
from coders_queue.merging import catalog, request, words


def check(flow: Flow, document: Document | None = None) -> dict[str, Waits]:
    """What each step waits for. Raises WrongFlow, with file and line where there is a document."""
    problems = list(_parameters(flow))
    waits: dict[str, Waits] = {}
    scanned: dict[str, Scanned] = {}
    agents: dict[str, Problem | None] = {}
    for name, step in flow.whole.items():
        problems += _names(flow, name, step)
        problems += _shape(flow, name, step)
        problems += _session(flow, name, step, agents)
        scanned[name] = scan(flow, templates.of_step(flow, name), name)
        problems += scanned[name].problems
        waits[name] = _waits(flow, step, scanned[name])
    problems += _data(flow.result, ("result",))
    problems += scan(flow, templates.of_result(flow), None).problems
    if (ring := cycle({name: those.all for name, those in waits.items()})) is not None:
        problems.append(_cycle(ring))
    else:
        order = Order(waits, targets(flow))
        loops = list(_loops(order))
        problems += loops or check_previous(order, scanned)
    refuse(sorted(problems, key=lambda one: one.number(document)), document)
    return waits


def targets(flow: Flow) -> dict[str, str]:
    """Where the steps that go back go back to; those to nowhere left out."""
    return {
        name: step.go_back.to
        for name, step in flow.steps.items()
        if step.go_back is not None and step.go_back.to in flow.steps
    }


def _parameters(flow: Flow) -> Iterator[Problem]:
    for name, parameter in flow.parameters.items():
        here = ("parameters", name)
        values = [("default", parameter.default)] if not parameter.required else []
        values += [("choices", choice) for choice in parameter.choices]
        bare = parameter.model_copy(update={"choices": ()})
        for key, value in values:
            try:
                parameters.checked(parameter if key == "default" else bare, value)
            except parameters.WrongValue as error:
                yield Problem((*here, key), f"parameters.{name}.{key} {error}")


def _names(flow: Flow, name: str, step: Step) -> Iterator[Problem]:
    """Steps that are named and do not exist."""
    here = ("steps", name)
    named: list[tuple[KeyPath, Sequence[str]]] = [
        ((*here, "needs"), step.needs),
        ((*here, "after"), step.after),
    ]
    if step.merge is not None:
        named.append(((*here, "merge", "of"), step.merge.of))
    if step.go_back is not None:
        named.append(((*here, "go_back", "to"), (step.go_back.to,)))
    for path, names in named:
        for number, one in enumerate(names):
            if one not in flow.steps:
                place = (*path, str(number)) if len(names) > 1 else path
                yield Problem(
                    place, f"{'.'.join(path)}: there is no step {one}", meant(one, flow.steps)
                )


def _shape(flow: Flow, name: str, step: Step) -> Iterator[Problem]:
    here, told = ("steps", name), f"steps.{name}"
    if step.quorum is not None:
        if step.each is None:
            yield Problem((*here, "quorum"), f"{told}.quorum: only a step with each has one")
        elif isinstance(step.each, tuple) and step.quorum > len(step.each):
            yield Problem(
                (*here, "quorum"), f"{told}.quorum is {step.quorum} of only {len(step.each)} items"
            )
    if isinstance(step.each, str) and language.lone_expression(step.each) is None:
        yield Problem(
            (*here, "each"),
            f"{told}.each should be a list, or one reference to a list",
            'write each: "{{ parameters.NAME }}" or each: {glob: PATTERN}',
        )
    if isinstance(step.each, tuple):
        yield from _data(step.each, (*here, "each"))
    if step.branch is not None and step.each is not None and not language.is_template(step.branch):
        yield Problem(
            (*here, "branch"),
            f"{told}.branch: its items would share one branch",
            f"give each its own, {step.branch}-{{{{ index }}}}, or leave it out",
        )
    if step.cwd is not None and step.cwd.startswith("~"):
        place = here if "cwd" in flow.steps[name].model_fields_set else ("defaults",)
        yield Problem(
            (*place, "cwd"),
            f"{'.'.join(place)}.cwd: no shell reads it, so that ~ is not your home",
            "write it out, or relative to where the flow is submitted",
        )
    for field in ("argv", "check"):
        words = getattr(step, field)
        if isinstance(words, str) and language.lone_expression(words) is None:
            yield Problem(
                (*here, field),
                f"{told}.{field} should be a list of words, or one reference to a list",
                f"write {field}: [PROGRAM, ARGUMENT]",
            )
    if step.merge is not None:
        yield from _data(step.merge.options, (*here, "merge", "options"))


def _session(
    flow: Flow, name: str, step: Step, agents: dict[str, Problem | None]
) -> Iterator[Problem]:
    here, told = ("steps", name), f"steps.{name}"
    own = flow.steps[name]
    if step.merge is not None:
        for field in own.model_fields_set & set(SessionFields.model_fields) - OF_MERGES:
            spelled = "schema" if field == "output_schema" else field
            yield Problem((*here, spelled), f"{told}: a merge step takes no {spelled}")
        if step.each is not None:
            yield Problem((*here, "each"), f"{told}: a merge step takes no each")
        yield from _merge(step.merge, (*here, "merge"))
        return
    if step.agent is None:
        yield Problem(
            here, f"{told}.agent is missing", "name an agent there, or in defaults, or a merge"
        )
        return
    where = here if "agent" in own.model_fields_set else ("defaults",)
    if not language.is_template(step.agent):
        if step.agent not in agents:
            agents[step.agent] = _agent(step.agent, (*where, "agent"))
        if (problem := agents[step.agent]) is not None:
            yield problem
        if not step.argv and step.task is None and step.mode == "headless":
            what = "argv, or a task" if step.agent == "shell" else "a task"
            yield Problem(here, f"{told} needs {what}")
        if step.agent == "shell" and step.output_schema is not None:
            yield Problem(
                here,
                f"{told}: the agent shell gives no result, so that it takes no schema",
                f"use what it prints: steps.{name}.output | fromjson",
            )
    where = here if "output_schema" in own.model_fields_set else ("defaults",)
    yield from _schema(step.output_schema, (*where, "schema"))


def _merge(merge: Merge, path: KeyPath) -> Iterator[Problem]:
    """Strategy and options; values of options that are templates are known only when it starts."""
    plain = {
        key: value
        for key, value in merge.options.items()
        if not any(language.is_template(text) for text in templates.texts(value))
    }
    try:
        known = catalog.find(merge.strategy)
    except errors.UsageError as error:
        yield Problem((*path, "strategy"), error.message, error.hint)
        return
    try:
        if len(plain) == len(merge.options):
            words.checked(known.name, known.options, plain)
    except errors.UsageError as error:
        yield Problem((*path, "options"), error.message, error.hint)
        return
    for key in merge.options.keys() - known.options.model_fields:
        yield Problem(
            (*path, "options", key),
            f"merge {known.name}: there is no option {key}",
            meant(key, known.options.model_fields),
        )


def _agent(agent: str, path: KeyPath) -> Problem | None:
    if agent.partition("@")[0] == request.AGENT:
        return Problem(path, "the agent merge is for merge steps", "write merge: {strategy: ...}")
    try:
        registry.parse(agent)
    except errors.CodersError as error:
        return Problem(path, error.message, error.hint)
    return None


def _schema(schema: Mapping[str, Any] | str | None, path: KeyPath) -> Iterator[Problem]:
    told = ".".join(path)
    if isinstance(schema, str):
        yield Problem(path, f"{told}: a file name has no meaning here", "give the schema itself")
    elif schema is not None:
        if (wrong := parameters.not_data(schema)) is not None:
            yield Problem(path, f"{told} should be a JSON schema, but holds {wrong}")
            return
        try:
            json_schema.check_schema(dict(schema))
        except errors.UsageError as error:
            yield Problem(path, f"{told}: {error.message}", error.hint)


def _data(value: Any, path: KeyPath) -> Iterator[Problem]:
    if (wrong := parameters.not_data(value)) is not None:
        hint = "put a date in quotes" if wrong in ("a date", "a datetime") else None
        yield Problem(path, f"{'.'.join(path)} should be plain data, but holds {wrong}", hint)


def _waits(flow: Flow, step: Step, scanned: Scanned) -> Waits:
    """Named, and implied by references; what a step comes after need not succeed for it."""
    of = () if step.merge is None else step.merge.of
    after = dict.fromkeys((*step.after, *of, *scanned.asked))
    implied = (one for one in scanned.used if one not in after)
    needs = dict.fromkeys((*step.needs, *implied))
    return Waits(
        needs=tuple(one for one in needs if one in flow.steps),
        after=tuple(one for one in after if one in flow.steps and one not in needs),
    )


def _cycle(ring: tuple[str, ...]) -> Problem:
    way = " → ".join(ring)
    if len(ring) == 2:
        message = f"step {ring[0]} waits for itself"
    else:
        message = f"steps wait for each other: {way}"
    return Problem(
        ("steps", ring[0]),
        message,
        "to run a part again, use go_back; what it gave in the round before is previous.NAME",
    )


def _loops(order: Order) -> Iterator[Problem]:
    for gate, to in order.targets.items():
        if to != gate and to not in _before(order, gate):
            yield Problem(
                ("steps", gate, "go_back", "to"),
                f"steps.{gate}.go_back.to: {gate} does not wait for {to}",
                f"go back to one of: {', '.join(sorted(_before(order, gate) | {gate}))}",
            )


def _before(order: Order, name: str) -> set[str]:
    found: set[str] = set()
    waiting = list(order.waits[name].all)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(order.waits[one].all)
    return found
