"""Plain HTML forms, safe from other sites: each carries what a cookie of this browser holds, which no other site can read.

The cookie is SameSite=Strict, so that a form on another site does not even bring it along.
"""

import hmac
import secrets
from typing import Final

from flask import Response, after_this_request, g, request

from service.doors.wiring import settings
from service.errors import NotAllowed

#: Bytes of one form; the words of an edit are 500 characters at most.
MAX_BYTES: Final = 16_384
#: The hidden field in every form.
FIELD: Final = "form"
_NAME_COOKIE: Final = "homeward-name"
_BYTES: Final = 32
_LONGEST: Final = 64


def form_token() -> str:
    """What every form on this page must carry; it lives as long as the browser is open."""
    if "form_token" not in g:
        sent = request.cookies.get(_cookie(), "")
        g.form_token = sent if 0 < len(sent) <= _LONGEST else secrets.token_urlsafe(_BYTES)
        after_this_request(_with_cookie)
    token: str = g.form_token
    return token


def check_form() -> None:
    """NotAllowed for a form that this browser did not get from us."""
    request.max_content_length = MAX_BYTES
    held, sent = request.cookies.get(_cookie(), ""), request.form.get(FIELD, "")
    foreign = request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}
    if foreign or not held or not hmac.compare_digest(held.encode(), sent.encode()):
        raise NotAllowed(
            "This form is not from a page that you have open here; open the page again and decide there."
        )


def remembered_name() -> str:
    """The name last typed in this browser, where nobody is asked for a credential; "" if none."""
    return request.cookies.get(_NAME_COOKIE, "")[:_LONGEST]


def remember_name(response: Response, name: str) -> None:
    """Have the next form begin with this name."""
    response.set_cookie(_NAME_COOKIE, name, secure=_is_https(), httponly=True, samesite="Strict")


def _with_cookie(response: Response) -> Response:
    response.set_cookie(
        _cookie(), g.form_token, secure=_is_https(), httponly=True, samesite="Strict", path="/"
    )
    return response


def _cookie() -> str:
    """With __Host- no other host of the same domain can set it; browsers take that over https only."""
    return "__Host-homeward-form" if _is_https() else "homeward-form"


def _is_https() -> bool:
    return settings().public_url.startswith("https://")
