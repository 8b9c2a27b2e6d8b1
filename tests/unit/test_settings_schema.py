"""The defaults that a machine makes itself, and the masking of secrets."""

from __future__ import annotations

import os
import pwd
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from coders_queue import ids
from coders_queue.settings.masking import mask_text, mask_url
from coders_queue.settings.schema import BrokerSettings, Settings, machine_name


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("box", "box"),
        ("box.example.org", "box.example.org"),
        ("my box_1", "my-box_1"),
        ("-.x", "x"),
        ("ü", "localhost"),
        ("", "localhost"),
        ("a" * 80, "a" * 63),
    ],
)
def test_the_machine_name_is_made_legal(
    host: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a machine is called, its worker has a name that we accept."""
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert machine_name() == name
    assert ids.is_name(Settings().host.name)


def test_the_owner_is_the_system_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the user database, not by a variable that anyone can set; else by number."""
    monkeypatch.setenv("USER", "mallory")
    assert Settings().owner == pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.setattr(os, "geteuid", lambda: 987_654)
    assert Settings().owner == "987654"


def test_settings_are_frozen() -> None:
    """Nobody changes them in passing."""
    with pytest.raises(ValidationError):
        Settings().owner = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    "url",
    ["redis://h", "rediss://:p@h:6380/1", "redis+socket:///run/x.sock?virtual_host=0", None],
)
def test_good_addresses_pass(url: str | None) -> None:
    """Redis over TCP, TLS and a Unix socket; or none, for the embedded one."""
    assert BrokerSettings(url=url).url == url


@given(
    user=st.text("abc", max_size=5),
    password=st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), min_size=4),
)
def test_no_password_survives_in_an_address(user: str, password: str) -> None:
    """Not even one with unescaped signs in it."""
    secret = f"<{password}>"
    masked = mask_url(f"redis://{user}:{secret}@host:6379/0")
    assert masked == f"redis://{user}:***@host:6379/0"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to redis://:hunter2@h:1/0 failed", "to redis://:***@h:1/0 failed"),
        ("redis://u:hun/ter2@h", "redis://u:***@h"),
        ("https://hunter2hunter2@github.com/x", "https://***@github.com/x"),
        ("Authorization: Bearer hunter2", "Authorization: ***"),
        ("'authorization': 'Basic hunter2'", "'authorization': '***'"),
        ("bearer hunter2hunter2", "bearer ***"),
        ("ANTHROPIC_API_KEY=hunter2 claude", "ANTHROPIC_API_KEY=*** claude"),
        ('{"auth_token": "hunter2 x"}', '{"auth_token": ***}'),
        ("password: hunter2, next", "password: ***, next"),
        ("key sk-ant-" + "a1" * 12, "key ***"),
    ],
)
def test_secrets_in_a_text_are_hidden(text: str, shown: str) -> None:
    """By how they look or by the name before them."""
    assert mask_text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "input_tokens=1200 output_tokens: 7",
        "see https://registry.npmjs.org/@scope/name and a@b.example",
        "redis://host:6379/0",
        "the key broker.url is unknown",
        "token=None",
        "basic functionality",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """Counts, addresses without a password, plain words."""
    assert mask_text(text) == text


def test_masking_takes_no_time_on_hostile_text() -> None:
    """A megabyte of near-misses is no reason to hang (the test's time limit says so)."""
    for piece in ("a.a-", "token", "://:", "x://a:", "authorization ", "'"):
        text = piece * (1_000_000 // len(piece))
        assert mask_text(text)
