"""The plug-in that a session's opencode loads: it writes the journal and hands over the task.

opencode keeps its conversations in files of a form of its own, since 1.2 in a database. What a
plug-in is told has kept its form from 1.0 on: that is written down, one JSON object a line, in
:data:`JOURNAL`. Owns the program text; what the lines mean is the transcript's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from coders_queue.models.launch import SeedFile

#: Relative to the attempt's directory.
PLUGIN = "opencode/journal.mjs"
JOURNAL = "opencode/journal.jsonl"
TASK = "opencode/task.md"
#: The variable with the person's own ``OPENCODE_CONFIG_CONTENT``.
CONTENT = "CODERS_OPENCODE_CONTENT"

_PROGRAM = r"""
import { appendFileSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const options = "@OPTIONS@"
const journal = fileURLToPath(new URL("./journal.jsonl", import.meta.url))
const LONGEST = 1000000

const write = (line) => {
  try {
    appendFileSync(journal, JSON.stringify({ ...line, at: Date.now() }) + "\n", { mode: 0o600 })
  } catch {}
}
const once = new Set()
const first = (key) => !once.has(key) && once.add(key)
const flat = (text) => text.replace(/\s+/g, " ").trim()

const task = () => readFileSync(fileURLToPath(new URL("./task.md", import.meta.url)), "utf8")
let waiting = options.task
// what the agent's own commands get of the configuration
let theirs = ""

const part = (one) => {
  const about = { session: one.sessionID, message: one.messageID, part: one.id }
  if (one.type === "step-finish")
    return write({ type: "step", ...about, reason: one.reason, tokens: one.tokens, cost: one.cost })
  if (one.type === "text" && !one.synthetic && (one.time?.end || !one.time))
    return first(one.id) && write({ type: "text", ...about, text: one.text.slice(0, LONGEST) })
  if (one.type === "tool" && first(`${one.id} ${one.state.status}`)) {
    const title = String(one.state.title ?? one.state.input?.command ?? "").slice(0, 500)
    write({ type: "tool", ...about, tool: one.tool, status: one.state.status, title })
  }
}
const events = {
  "session.created": ({ info }) => session(info),
  "session.updated": ({ info }) => session(info),
  "message.updated": ({ info }) => message(info),
  "message.part.updated": (about) => part(about.part),
  "session.status": ({ sessionID, status }) => state(sessionID, status),
  "session.idle": ({ sessionID }) => state(sessionID, { type: "idle" }),
  "session.error": ({ sessionID, error }) => {
    if (!error) return
    failed.set(sessionID, failure(error))
    write({ type: "error", session: sessionID, error: failure(error) })
  },
}
const children = new Set()
const failed = new Map()
const states = new Map()
const state = (id, status) => {
  const now = JSON.stringify(status)
  if (states.get(id) === now) return
  states.set(id, now)
  // what the last turn came to: the error itself stands before
  const error = status.type === "idle" ? failed.get(id) : undefined
  write({ type: "status", session: id, child: children.has(id) || undefined, status, error })
}
const failure = (error) => ({
  name: error.name, message: error.data?.message, status: error.data?.statusCode,
})
const session = (info) => {
  if (info.parentID) children.add(info.id)
  if (first(`${info.id} ${info.title}`))
    write({ type: "session", session: info.id, parent: info.parentID, title: info.title })
}
const message = (info) => {
  const error = info.error && failure(info.error)
  const end = Boolean(info.time?.completed)
  if (info.role === "user" && first(`sent ${info.id}`)) failed.delete(info.sessionID)
  if (error) failed.set(info.sessionID, error)
  if (first(`${info.id} ${info.finish} ${end} ${Boolean(error)}`))
    write({
      type: "message", session: info.sessionID, message: info.id, role: info.role,
      summary: info.summary === true || undefined, finish: info.finish, end, error,
    })
}
const asks = (type, about) => {
  if (/^(permission|question)(\.v\d+)?\.(asked|updated)$/.test(type))
    write({
      type: "asked", session: about.sessionID, ask: about.id,
      what: about.permission ?? about.type ?? "question", title: about.title,
      patterns: about.patterns ?? about.pattern, questions: about.questions,
    })
  else if (/^(permission|question)(\.v\d+)?\.(replied|rejected)$/.test(type))
    write({
      type: "answered", session: about.sessionID, ask: about.requestID ?? about.permissionID,
      reply: about.reply ?? about.response,
    })
}

const send = async (client, session, text, tries) => {
  try {
    const body = { parts: [{ type: "text", text }] }
    const done = await (client.session.promptAsync ?? client.session.prompt).call(
      client.session, { path: { id: session }, body },
    )
    if (!done?.error) return
    write({ type: "unsent", why: String(done.error?.data?.message ?? done.error?.name ?? "") })
  } catch (error) {
    write({ type: "unsent", why: String(error) })
  }
  if (tries > 1) setTimeout(() => send(client, session, text, tries - 1), 1000)
}
const name = async (client, session, text) => {
  const title = flat(text).slice(0, 60)
  if (title) await client.session.update({ path: { id: session }, body: { title } })
}

export const CodersJournal = async ({ client }) => {
  const mark = process.env.CODERS_OPENCODE_PID
  // another opencode, started by this one's agent: not the session's
  if (mark !== undefined && mark !== String(process.pid)) return {}
  theirs = process.env.CODERS_OPENCODE_CONTENT ?? theirs
  delete process.env.CODERS_OPENCODE_CONTENT
  for (const [key, value] of Object.entries(options.environ))
    if (value === null) delete process.env[key]
    else process.env[key] = value
  if (mark === undefined) {
    process.env.CODERS_OPENCODE_PID = String(process.pid)
    write({ type: "started", pid: process.pid })
    if (options.send)
      setTimeout(() => send(client, options.send, task(), 20), 500)
  }
  return {
    event: async ({ event }) => {
      try {
        const about = event.properties ?? {}
        const known = events[event.type]
        if (known) known(about)
        else asks(event.type, about)
      } catch {}
    },
    "chat.message": async (input, output) => {
      try {
        const text = output.parts.find((one) => one.type === "text" && !one.synthetic)
        if (waiting && text) {
          const whole = task()
          if (flat(text.text) === flat(options.shown ?? whole)) text.text = whole
        }
        waiting = false
        if (text && options.title && first(`title ${input.sessionID}`)) {
          const found = await client.session.get({ path: { id: input.sessionID } })
          if (/^(New|Child) session - /.test(found?.data?.title ?? ""))
            await name(client, input.sessionID, text.text)
        }
      } catch {}
    },
    "shell.env": async (_, output) => {
      output.env.OPENCODE_CONFIG_CONTENT = theirs
    },
  }
}
"""


def seeds(
    *,
    task: str | None,
    shown: str | None,
    send: str | None,
    title: bool,
    environ: Mapping[str, str | None],
) -> tuple[SeedFile, ...]:
    """The files.

    ``task`` is the first prompt, which takes the place of ``shown`` (None: of itself, as the tool
    may have bent it) or is sent to the conversation ``send``. ``title``: name conversations by
    their first words. ``environ``: what the agent's own commands get of the variables that the
    session's opencode got others of; the same of the configuration is in :data:`CONTENT`, because
    it may hold keys.
    """
    options = {
        "task": task is not None,
        "shown": shown,
        "send": send if task is not None else None,
        "title": title,
        "environ": dict(environ),
    }
    program = _PROGRAM.lstrip().replace('"@OPTIONS@"', json.dumps(options))
    files = [SeedFile(path=PLUGIN, content=program.encode())]
    if task is not None:
        files.append(SeedFile(path=TASK, content=task.encode()))
    return tuple(files)
