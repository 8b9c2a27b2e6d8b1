"""Secrets, made unreadable before anything is shown or logged.

Owns what counts as a secret in a text or under a name. Pure, standard library only.
"""

from __future__ import annotations

import re

#: What stands where a secret was.
HIDDEN = "***"

#: Names whose values are secret.
SECRET_NAME = re.compile(r"token|key|secret|password|passwd|credential|authorization|cookie", re.I)

# Each begins with a fixed text and repeats within bounds: a log line may hold a megabyte of
# somebody's output.
_TEXT = (
    (re.compile(r"(://[^\s/@:]{0,256}:)[^\s@]{1,512}@"), r"\1***@"),
    (re.compile(r"(://)[^\s/@:]{1,512}@"), r"\1***@"),
    (
        re.compile(
            r"(authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?)(?:(?:bearer|basic|token)\s+)?[^\s\"',]+",
            re.I,
        ),
        r"\1***",
    ),
    (re.compile(r"(\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}", re.I), r"\1***"),
    (
        # a number after "tokens" is a count
        re.compile(
            r"((?:token|secret|password|passwd|credential|api-?key|_key)[\w.-]{0,64}"
            r"[\"']?\s{0,4}[:=]\s{0,4})(?!\d+(?:\W|$)|None\b|null\b)"
            r"(\"[^\"]*\"|'[^']*'|[^\s,;&\"']+)",
            re.I,
        ),
        r"\1***",
    ),
    (
        re.compile(
            r"\b(?:sk-[\w-]{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|xox[abprs]-[\w-]{10,}"
            r"|AKIA[0-9A-Z]{16})"
        ),
        HIDDEN,
    ),
)
_QUERY_SECRET = re.compile(r"([?&][^=&#]*(?:password|secret|token|key)[^=&#]*=)[^&#]*", re.I)


def is_secret_name(name: str) -> bool:
    """Whether a value of this name is to be hidden."""
    return SECRET_NAME.search(name) is not None


def mask_url(url: str) -> str:
    """The address without its password; one without a user stays as it is."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return mask_text(url)
    # the last @: an unescaped one in a password must not show the rest of it
    user_info, at, place = rest.rpartition("@")
    if at:
        user, colon, _ = user_info.partition(":")
        rest = f"{user}:{HIDDEN}@{place}" if colon else f"{HIDDEN}@{place}"
    return _QUERY_SECRET.sub(rf"\1{HIDDEN}", f"{scheme}://{rest}")


def mask_text(text: str) -> str:
    """A text for people without what looks like a password, token or key in it."""
    for pattern, replacement in _TEXT:
        text = pattern.sub(replacement, text)
    return text
