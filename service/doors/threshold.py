"""What every request passes on its way in and out: a request id, security headers, a log line, two metrics."""

import re
import uuid
from typing import Final

import structlog
from flask import Flask, Response, g, request

from service import clock, metrics
from service.doors.slow_callers import waited

_SECURITY: Final = {
    # Pages carry one stylesheet and no script at all.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_YEAR: Final = 31_536_000
_log = structlog.stdlib.get_logger(__name__)


def install(app: Flask, *, https: bool) -> None:
    """Put the threshold before and after every view of this application."""
    app.before_request(_enter)
    app.after_request(_leave)
    if https:
        app.after_request(_only_https)


def _enter() -> None:
    g.began = clock.machine_seconds() - waited(request.environ)
    g.request_id = _request_id(request.headers.get("X-Request-Id", ""))
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=g.request_id)


def _request_id(sent: str) -> str:
    """The caller's id if it is a UUID, else a new one: anything else could be a name."""
    return sent if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", sent) else str(uuid.uuid4())


def _leave(response: Response) -> Response:
    for name, value in _SECURITY.items():
        response.headers.setdefault(name, value)
    # Plans are PHI: no cache on the way keeps them; only the stylesheet may be kept.
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Request-Id"] = g.request_id
    _record(response.status_code, clock.machine_seconds() - g.began)
    return response


def _only_https(response: Response) -> Response:
    response.headers["Strict-Transport-Security"] = f"max-age={_YEAR}; includeSubDomains"
    return response


def _record(status: int, seconds: float) -> None:
    # The route is the pattern, never the address: ids of the EHR stand in addresses.
    door = request.blueprint or "nowhere"
    route = request.url_rule.rule if request.url_rule else "unmatched"
    method = (
        request.method if request.method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} else "other"
    )
    metrics.REQUESTS.labels(door, method, str(status)).inc()
    metrics.REQUEST_SECONDS.labels(door).observe(seconds)
    if door != "health":  # probes come every few seconds
        _log.info("answered", door=door, method=method, route=route, status=status, seconds=round(seconds, 4))
