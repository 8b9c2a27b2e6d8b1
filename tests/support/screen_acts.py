"""What a person and a model do to a tool while its screens are recorded, one act a method."""

from __future__ import annotations

import time
from pathlib import Path

from support.screen_recorder import BUSY, HOME, LIMITS, Recorder
from support.screen_stage import Picture
from support.screen_words import MISLEADING


class Acts(Recorder):
    """Each keeps the pictures whose label is certain."""

    def greet(self, first: list[Picture]) -> bool:
        """The first prompt: it shows whether what was seen before it was a tool that was ready."""
        arrived = self.send("say hi")
        for seen in first if arrived else ():
            self.keep(seen, "idle", "first prompt, nothing sent yet")
        if not arrived:
            shown = self.stage.picture()
            (HOME.parent / "agents" / "stuck.txt").write_text(shown.text)
            print(shown.text, flush=True)
        if arrived:
            self.idle("after a short answer")
        return arrived

    def box(self) -> None:
        """Things in the box that are not sent."""
        self.stage.type("refactor the parser")
        self.idle("text typed in the box, not sent")
        self.stage.keys("C-u")
        self.stage.paste("first line\nsecond line\nthird line")
        self.idle("three lines pasted in the box, not sent")
        for _ in range(3):
            self.stage.keys("C-u")
            self.stage.keys("BSpace")
        for key in ("/", "?"):
            self.stage.type(key)
            self.idle(f"{key!r} typed in an empty box")
            self.stage.keys("BSpace")

    def think(self) -> None:
        """The model is silent."""
        if self.send("think about it", "THINK:4"):
            self.busy("request just arrived")
            for wait in (0.9, 1.6):
                time.sleep(wait)
                self.busy("model silent")
            self.idle("after an answer that took its time")

    def stream(self, *, typed: bool = False, note: str = "streams") -> None:
        """The model streams, perhaps with a draft typed meanwhile."""
        if self.send("tell me slowly", "SLOW:5"):
            for wait in (1.0, 1.4):
                time.sleep(wait)
                self.busy(note)
            if typed:
                self.stage.type("and then the lexer")
                time.sleep(0.5)
                self.busy(f"{note}, unsent text in the box")
            self.idle("after a streamed answer" + (", unsent text in the box" if typed else ""))

    def queue(self) -> None:
        """A second prompt is sent while the model streams."""
        if self.send("tell me slowly again", "SLOW:4"):
            time.sleep(0.8)
            self.stage.paste("and one more thing")
            time.sleep(0.3)
            self.stage.keys("Enter")
            time.sleep(0.8)
            self.busy("streams, a second prompt was sent")
            self.idle("after both answers", timeout=20)

    def mislead(self, every: int = 1, offset: int = 0) -> None:
        """Answers that look like the tool's own."""
        for number, words in list(enumerate(MISLEADING))[offset::every]:
            if self.send(f"show picture {number}", f"SAY:{words}"):
                self.idle(f"misleading answer {number}")
        if self.send("and now", "SLOW:4"):
            time.sleep(1.5)
            self.busy("streams below misleading answers")
            self.idle("after a stream below misleading answers")

    def command(self, *, allow: bool) -> None:
        """It asks before a command, which runs for a while when it may."""
        mark = HOME / f"ran-{self.count}"
        outside = f"sh -c 'touch {mark}; sleep 4'"
        if not self.send("run the check", f"{self.ways.outside}:{outside}"):
            return
        self.asked(mark, "permission for a command")
        if not allow:
            self.stage.keys("Escape")
            self.after_answer("after a permission was denied")
            return
        self.stage.keys("Enter")
        if self.wait(mark.exists, 6):
            for wait in (0.6, 1.5):
                time.sleep(wait)
                if self.doing() == "tool":
                    self.keep(self.stage.picture(), "working", "a command runs")
        self.idle("after a command that was allowed")

    def asked(self, mark: Path, note: str) -> None:
        """Keep the question, if there is one: the tool was called, and has not run."""
        if self.wait(lambda: self.doing() == "tool", 6):
            time.sleep(0.7)
            # what moves is still about to ask, or runs already
            seen = self.stage.resting(1.0, 6)
            if seen is not None and self.doing() == "tool" and not mark.exists():
                self.keep(seen, "waiting", note)

    def file(self, *, allow: bool) -> None:
        """It asks before it writes a file."""
        mark = self.room.project / f"new-{self.count}.txt"
        if self.tool == "codex":
            mark = HOME / f"new-{self.count}.txt"
        if self.send("write it down", f"ESC WRITE:{mark} one line\\nand another"):
            self.asked(mark, "permission for a file")
            self.stage.keys("Enter" if allow else "Escape")
            self.after_answer("after the question for a file was answered")

    def question(self) -> None:
        """It asks the person something."""
        before = len(self.stub.timeline())
        if self.send("ask me", "ASK:Which colour should it be?"):
            self.wait(lambda: self.doing() in ("tool", "idle"), 6)
            time.sleep(0.8)
            if self.doing() == "tool" and len(self.stub.timeline()) > before:
                self.asked(HOME / "no-such-file", "a question of the model's, with choices")
                self.stage.keys("Escape")
            self.after_answer("after the model's question")

    def after_answer(self, note: str) -> None:
        """Some end the turn at a denial, others tell the model."""
        time.sleep(1.0)
        self.idle(note, timeout=8, after=("idle", "tool"))
        # what a denied call gave back comes with the next prompt: that one asks for nothing
        if self.send("never mind"):
            self.idle(f"the next answer {note}")

    def interrupt(self) -> None:
        """The person stops it."""
        if self.send("tell me at length", "SLOW:9"):
            time.sleep(1.5)
            self.stop("after a stream was interrupted")

    def stop(self, note: str) -> None:
        """Press Escape until no request is open and none follows."""
        for _ in range(3):
            self.stage.keys("Escape")
            if not self.wait(lambda: self.doing() not in BUSY, 2):
                continue
            before = len(self.stub.timeline())
            time.sleep(1.5)
            # what still moves counts down to its next try
            seen = self.stage.resting(1.2, 4)
            if seen is not None and len(self.stub.timeline()) == before:
                self.keep(seen, "idle", note)
                return

    def fail(self, status: int, moments: tuple[float, ...], more: float = 12.0) -> None:
        """The service refuses: what is shown while it is tried again, and when it is given up."""
        begun = len(self.turns())
        if not self.send(f"try with {status}", f"FAIL:{status}"):
            return
        taken = []
        for wait in moments:
            time.sleep(wait)
            taken.append(self.stage.picture())
        last = taken[-1].at
        again = self.wait(lambda: any(one["started"] > last for one in self.turns()), more)
        tries = self.turns()[begun:]
        for number, seen in enumerate(taken):
            failed = sum(
                one["status"] == status and (one["ended"] or 9e99) < seen.at for one in tries
            )
            follow = any(one["started"] > seen.at for one in tries)
            if failed and follow:
                state = "rate_limited" if status in LIMITS else "working"
                note = f"HTTP {status}: {failed} requests failed, more will follow"
                self.keep(seen, state, note)
            elif failed and not again and number == len(taken) - 1:
                state = "rate_limited" if status in LIMITS else "error"
                rests = self.stage.resting(1.2, 4)
                if rests is not None:
                    self.keep(rests, state, f"HTTP {status}: given up after {failed} requests")
        if again:
            self.stop(f"after the retries of HTTP {status} were stopped")
        elif self.send("better now?"):
            self.idle(f"an answer after HTTP {status}")

    def leave(self, note: str = "left by its own command") -> None:
        """Quit."""
        self.stage.keys("C-u")
        self.stage.type(self.ways.leave)
        time.sleep(0.8)
        self.stage.keys("Enter")
        if not self.wait(lambda: self.stage.picture().dead, 5):
            self.stage.keys("Enter")
        if self.wait(lambda: self.stage.picture().dead, 5):
            self.keep(self.stage.picture(), "exited", note)
