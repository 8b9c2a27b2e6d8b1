"""What rules do, as it is done: sessions as Celery tasks, messages to hosts, requests to others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from coders_queue import errors
from coders_queue.models.firing import RuleJob
from coders_queue.models.rule import Action, Notify, Send, Stop, Task, Webhook
from coders_queue.queue import names, notify, webhook
from coders_queue.queue.publisher import sending
from coders_queue.queue.rule_jobs import ActionFailed
from coders_queue.queue.session_task import parse_spec

if TYPE_CHECKING:
    from coders_queue.queue.app import CodersApp

#: Headers of a request, and of a task's message.
ID_HEADER, RULE_HEADER, CHAIN_HEADER = "X-Coders-Id", "X-Coders-Rule", "X-Coders-Rules"


#: The longest address.
_ADDRESS = len("person:") + 64


def signed(text: str, job: RuleJob) -> str:
    """A text for people, with what tells that it came twice."""
    return f"{text}\n\n[rule {job.rule}, message {job.id}]"


class RuleActions:
    """See :class:`~coders_queue.queue.rule_engine.Actions`."""

    def __init__(self, app: CodersApp) -> None:
        self._app = app

    def do(self, job: RuleJob, action: Action) -> None:
        """Do it."""
        match getattr(action, action.kind):
            case Webhook() as one:
                self._post(job, one)
            case Notify() as one:
                notify.tell(one.to, job.payload["title"], signed(job.payload["body"], job))
            case Task() as one:
                self._send_task(job, one)
            case Send():
                self._send(job)
            case Stop():
                if self._app.dispatch.cancel(job.payload["session"], job.payload["reason"]) is None:
                    raise ActionFailed("there is no such session", final=True, kind="not-found")
            case _:
                self._spawn(job)

    def _spawn(self, job: RuleJob) -> None:
        spec = {"owner": self._app.settings.owner, "correlation_id": job.id, **job.payload}
        with sending():
            self._app.tasks[names.SESSION].apply_async(
                kwargs={"spec": parse_spec(spec)}, task_id=job.id, ignore_result=True
            )

    def _send(self, job: RuleJob) -> None:
        sender = f"person:rule.{job.rule}"[:_ADDRESS]
        try:
            self._app.store.mailboxes.send(
                job.payload["to"], sender, job.payload["text"], key=job.id
            )
        except errors.Conflict as error:
            # a full mailbox is read some time; an ended session is not
            ended = "ended" in error.message
            raise ActionFailed(error.message, final=ended, kind=error.kind) from None

    def _send_task(self, job: RuleJob, task: Task) -> None:
        with sending():
            self._app.send_task(
                task.name,
                args=job.payload["args"],
                kwargs=job.payload["kwargs"],
                task_id=job.id,
                queue=task.queue,
                headers={ID_HEADER: job.id, CHAIN_HEADER: ",".join(job.chain)},
            )

    def _post(self, job: RuleJob, one: Webhook) -> None:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "coders",
            **one.headers,
            ID_HEADER: job.id,
            RULE_HEADER: job.rule,
            CHAIN_HEADER: ",".join(job.chain),
        }
        body = json.dumps({"id": job.id, **job.payload["body"]} if one.body is None
                          else job.payload["body"])  # fmt: skip
        webhook.post(one.url, body.encode("ascii"), headers, one.timeout)
