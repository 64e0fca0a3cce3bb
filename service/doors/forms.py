"""Plain HTML forms, safe from other sites: each carries what only this browser and we know, and no other site can read.

That is the session's own word; without a session it stands in a cookie, SameSite=Strict, so that a form on another site
does not even bring it along.
"""

import hmac
import secrets
from typing import Final

from flask import Response, after_this_request, g, request

from service.doors.cookies import cookie, set_cookie
from service.doors.session import session
from service.errors import NotAllowed

#: Bytes of one form; the words of an edit are 500 characters at most.
MAX_BYTES: Final = 16_384
#: The hidden field in every form.
FIELD: Final = "form"
_COOKIE: Final = "homeward-form"
_NAME_COOKIE: Final = "homeward-name"
_BYTES: Final = 32


def form_token() -> str:
    """What every form on this page must carry; it lives as long as the session, or as the browser is open."""
    if (begun := session()) is not None:
        return begun.form
    if "form_token" not in g:
        g.form_token = cookie(_COOKIE) or secrets.token_urlsafe(_BYTES)
        after_this_request(_with_cookie)
    token: str = g.form_token
    return token


def check_form() -> None:
    """NotAllowed for a form that this browser did not get from us."""
    request.max_content_length = MAX_BYTES
    begun = session()
    held, sent = begun.form if begun else cookie(_COOKIE), request.form.get(FIELD, "")
    foreign = request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}
    if foreign or not held or not hmac.compare_digest(held.encode(), sent.encode()):
        raise NotAllowed(
            "This form is not from a page that you have open here; open the page again and decide there."
        )


def remembered_name() -> str:
    """The name last typed in this browser, where nobody is asked for a credential; "" if none."""
    return cookie(_NAME_COOKIE)


def remember_name(response: Response, name: str) -> None:
    """Have the next form begin with this name."""
    set_cookie(response, _NAME_COOKIE, name, same_site="Strict")


def _with_cookie(response: Response) -> Response:
    set_cookie(response, _COOKIE, g.form_token, same_site="Strict")
    return response
