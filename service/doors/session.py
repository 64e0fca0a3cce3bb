"""The session of a clinician whom an EHR sent here: a random cookie, and what it stands for in the database.

It is good for the pages of the stays that were opened, and for nothing else: no door of the API takes a cookie.
"""

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from flask import Response, g

from service.domain.access import Role, Scope
from service.domain.decision import Signer
from service.doors.caller import Caller
from service.doors.cookies import cookie, drop_cookie, set_cookie
from service.doors.wiring import deps

#: From the launch on, whatever is done meanwhile; another launch begins another hour.
SECONDS: Final = 3600
#: So many stays of one person stay open beside each other; the one opened first is closed first.
_MOST_STAYS: Final = 20
_COOKIE: Final = "homeward-session"
_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Session:
    """Who was let in, by which hospital's EHR, as what, and for which discharges; the last opened is the last.

    form is what every form of theirs carries, in each window alike: a launch does not bring SameSite=Strict cookies along,
    so that such a one would be another after each.
    """

    tenant: str
    person: Signer
    role: Role
    approves: bool
    discharges: tuple[UUID, ...]
    form: str = field(default_factory=partial(secrets.token_urlsafe, _BYTES), repr=False)

    def also(self, before: "Session | None") -> "Session":
        """The same with what this person has open already in this browser."""
        if before is None or (before.tenant, before.person.subject) != (self.tenant, self.person.subject):
            return self
        both = dict.fromkeys(
            (*(one for one in before.discharges if one not in self.discharges), *self.discharges)
        )
        return replace(self, discharges=tuple(both)[-_MOST_STAYS:], form=before.form)

    def caller(self) -> Caller:
        """As the doors know them."""
        scopes = {Scope.PLANS_READ, Scope.PLANS_APPROVE} if self.approves else {Scope.PLANS_READ}
        return Caller(
            f"{self.person.name} ({self.person.subject})",
            self.role,
            frozenset(scopes),
            frozenset({self.tenant}),
            self.person if self.approves else None,
            discharges=frozenset(self.discharges),
        )


def begin_session(response: Response, session: Session) -> None:
    """Have this browser carry the session, and none that it had before."""
    store, now = deps().store, deps().now()
    store.sessions.take(_digest(cookie(_COOKIE)), now)
    secret = secrets.token_urlsafe(_BYTES)
    store.sessions.keep(_digest(secret), _as_json(session), expires=now + timedelta(seconds=SECONDS))
    set_cookie(response, _COOKIE, secret, same_site="Lax", seconds=SECONDS)


def session() -> Session | None:
    """The session of this browser; None without one that still holds."""
    if "session" not in g:
        held = cookie(_COOKIE)
        kept = deps().store.sessions.of(_digest(held), deps().now()) if held else None
        g.session = _from_json(kept) if kept else None
    found: Session | None = g.session
    return found


def end_session(response: Response) -> None:
    """Nobody comes in by this session any more, whoever kept its cookie."""
    deps().store.sessions.take(_digest(cookie(_COOKIE)), deps().now())
    drop_cookie(response, _COOKIE, same_site="Lax")


def _digest(secret: str) -> str:
    return hashlib.sha256(f"session\x1f{secret}".encode()).hexdigest()


def _as_json(made: Session) -> dict[str, Any]:
    person = made.person
    return {
        "tenant": made.tenant,
        "person": {"name": person.name, "subject": person.subject, "reference": person.reference},
        "role": made.role.value,
        "approves": made.approves,
        "discharges": [str(one) for one in made.discharges],
        "form": made.form,
    }


def _from_json(kept: dict[str, Any]) -> Session:
    return Session(
        kept["tenant"],
        Signer(**kept["person"]),
        Role(kept["role"]),
        kept["approves"],
        tuple(map(UUID, kept["discharges"])),
        kept["form"],
    )
