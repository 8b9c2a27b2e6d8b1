"""``finish``: kept with the attempt until its end makes it the session's result."""

from __future__ import annotations

from typing import Any

import structlog

from coders_queue import errors
from coders_queue.agents import answer
from coders_workers.in_session.call import Call
from coders_workers.supervisor import declared, typed_answer
from coders_workers.supervisor.declared import Declared

log = structlog.get_logger(__name__)


def run(call: Call) -> dict[str, Any]:
    """Check it against the schema that was asked for, and keep it."""
    result, failed = call.params.get("result"), call.params.get("failed")
    if failed is not None:
        failed = " ".join(failed.split())
        if not failed:
            raise errors.UsageError("no reason was given", "say in one line why it has failed")
    schema = call.record.spec.output_schema
    if failed is None and schema is not None:
        try:
            result = typed_answer.typed(result, schema)
        except answer.WrongAnswer as error:
            raise errors.UsageError(
                f"the result is not as asked for: {error}", "whoami tells its schema; declare again"
            ) from None
    word = Declared(result=result, failed=failed, at=call.station.host.clock())
    declared.write(call.directory, word)
    log.info(
        "result_declared",
        session=call.record.id,
        attempt=call.record.attempt,
        state="succeeded" if failed is None else "failed",
    )
    return {}
