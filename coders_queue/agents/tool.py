"""What is true of a tool unless its adapter says otherwise: nothing to read, nothing to install."""

from __future__ import annotations

from collections.abc import Mapping

from coders_queue import errors
from coders_queue.agents.adapter import Adapter, Delivery, LaunchFacts, Package
from coders_queue.agents.dialog import Dialog
from coders_queue.agents.screen import Screen
from coders_queue.models.observation import Observation
from coders_queue.models.spec import Mode, SessionSpec

#: What every model service's client reads: proxies and certificates.
NETWORK_ENV = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    *("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR"),
)


def env_patterns(adapter: Adapter, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Shell patterns of the variables that the tool gets, given those that would be there."""
    more = (
        patterns
        for switch, patterns in adapter.pass_env_when.items()
        if environ.get(switch, "").lower() not in ("", "0", "false")
    )
    return (*adapter.pass_env, *(pattern for patterns in more for pattern in patterns))


class Tool:
    """The defaults of the adapter interface."""

    pass_env_when: Mapping[str, tuple[str, ...]] = {}
    resumes: tuple[Mode, ...] = ()
    names_conversation = False
    package: Package | None = None
    version_argv: tuple[str, ...] = ("--version",)
    tested: tuple[str, ...] = ()
    native_schema = False
    delivery = Delivery()
    hook_directory: str | None = None
    names_program = False

    name: str

    def lead(self, spec: SessionSpec, environ: Mapping[str, str]) -> SessionSpec:
        """It has its own models only."""
        raise errors.UsageError(
            f"{self.name} cannot be led to the models of {spec.provider}",
            f"leave --{spec.provider} out",
        )

    def check(self, spec: SessionSpec) -> None:
        """Whatever is wrong comes to light when it is planned."""

    def config_files(self, spec: SessionSpec, facts: LaunchFacts) -> tuple[str, ...]:
        """None."""
        return ()

    def transcripts(self, spec: SessionSpec, facts: LaunchFacts) -> tuple[str, ...]:
        """None."""
        return ()

    def owns_transcripts(self, spec: SessionSpec, facts: LaunchFacts) -> bool:
        """They lie under a name that the adapter gave, or in the attempt's own directory."""
        return True

    def tells(self, mode: Mode) -> bool:
        """Nobody knows."""
        return False

    def observe_screen(self, screen: Screen, version: str | None = None) -> Observation:
        """A screen of an unknown program says nothing."""
        return Observation(state="unknown", source="screen")

    def dialog(self, screen: Screen, version: str | None = None) -> Dialog | None:
        """None that is known."""
        return None

    def observe_stream(self, line: bytes, version: str | None = None) -> Observation | None:
        """Nothing."""
        return None

    def observe_hook(self, line: bytes, version: str | None = None) -> Observation | None:
        """Nothing."""
        return None

    def observe_transcript(self, line: bytes, version: str | None = None) -> Observation | None:
        """Nothing."""
        return None
