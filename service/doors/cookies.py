"""Our cookies: seen by no script, sent to us alone, and over https wherever that is not this machine."""

from typing import Final, Literal
from urllib.parse import urlsplit

from flask import Response, request

from config.addresses import is_loopback
from service.doors.wiring import settings

SameSite = Literal["Strict", "Lax"]
_LONGEST: Final = 64


def cookie(name: str) -> str:
    """What this browser holds under a name; "" for nothing, and for what cannot be of ours."""
    held = request.cookies.get(_named(name), "")
    return held if len(held) <= _LONGEST else ""


def set_cookie(
    response: Response, name: str, value: str, *, same_site: SameSite, seconds: int | None = None
) -> None:
    """Have the browser hold this: for so long, or until it is closed."""
    response.set_cookie(
        _named(name), value, max_age=seconds, secure=_secure(), httponly=True, samesite=same_site, path="/"
    )


def drop_cookie(response: Response, name: str, *, same_site: SameSite) -> None:
    """Have the browser forget it."""
    response.delete_cookie(_named(name), secure=_secure(), httponly=True, samesite=same_site, path="/")


def _named(name: str) -> str:
    """With __Host- no other host of the same domain can set it; browsers take that over https only."""
    return f"__Host-{name}" if _secure() else name


def _secure() -> bool:
    public = urlsplit(settings().public_url)
    return public.scheme == "https" or not is_loopback(public.hostname or "")
