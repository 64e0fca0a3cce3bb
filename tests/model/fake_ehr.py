"""A FHIR server in memory, as strict, as forgetful and as unreliable as a test wants it."""

import copy
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import orjson
import requests
import urllib3
from requests.structures import CaseInsensitiveDict

from config.ehr_quirks import load_quirks
from config.tenants import Tenant
from fhir_mappings.references import with_references
from service.ehr.allowance import OwnAllowance
from service.ehr.auth import FixedCredentials
from service.ehr.client import Ehr, limit_of
from service.ehr.http import Connection
from service.ehr.throttle import Throttle

Json = dict[str, Any]
#: Status, headers, and a body: a resource, or text where it is a page.
Reply = tuple[int, dict[str, str], Json | str | None]

BASE: Final = "https://ehr.example/fhir"
KINDS: Final = (
    "CarePlan",
    "Communication",
    "Condition",
    "Device",
    "DocumentReference",
    "Goal",
    "Organization",
    "Patient",
    "Provenance",
    "ServiceRequest",
    "Task",
)
_PAGE: Final = "<html><body>Bad gateway</body></html>"


class Crash(BaseException):
    """Our process was killed. No BaseException is caught where a process would not have survived."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How a server differs from others.

    bundles is what it takes: "transaction", "batch" or "" for neither. drops are elements that it does not keep; spell
    changes a resource as it is stored. name is the product's, by which its rules are known; changes says whether what stands
    there may be put; a terse one answers a create with a relative Location alone.
    """

    bundles: str = "transaction"
    conditional_create: bool = True
    versions: bool = True
    drops: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset(KINDS)
    spell: Callable[[Json, random.Random], Json] | None = None
    name: str = "Fake"
    changes: bool = True
    terse: bool = False


@dataclass(slots=True)
class Fault:
    """Something that goes wrong a number of times, with whole requests or with single operations in them."""

    kind: str
    times: int
    writes: bool = True
    reads: bool = True

    def strikes(self, *, is_write: bool) -> bool:
        return self.times > 0 and (self.writes if is_write else self.reads)


#: What happens to a whole request, and what to one operation of it.
REQUEST_FAULTS: Final = (
    "timeout before",
    "timeout after",
    "late",
    "crash before",
    "crash after",
    "page",
    "500",
    "503",
    "401",
    "page 404",
)
OPERATION_FAULTS: Final = ("404", "403", "422", "empty", "409")


class Refusal(Exception):
    """An operation that is answered with an error."""

    def __init__(self, status: int, code: str = "processing") -> None:
        super().__init__(str(status))
        self.status = status
        self.code = code


@dataclass(slots=True)
class FakeEhr:
    """Every version of every resource by "Type/id"; None marks a deletion. writes counts what was put or created."""

    habits: Habits = field(default_factory=Habits)
    history: dict[str, list[Json | None]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    #: What people do while our next write is on its way.
    meanwhile: list[Callable[[], None]] = field(default_factory=list)
    #: What it is still at work on though nobody waits for it.
    late: list[Callable[[], object]] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311

    # --- what a test looks at, and what people do ---------------------------------------------------
    def current(self, reference: str) -> Json | None:
        """The newest version, None where it is not there."""
        versions = self.history.get(reference)
        return versions[-1] if versions else None

    def all(self) -> Iterator[Json]:
        """Everything that is there."""
        return (versions[-1] for versions in self.history.values() if versions[-1] is not None)

    def edit(self, reference: str, change: Callable[[Json], object]) -> None:
        """A person changes a resource in a screen of the EHR."""
        resource = copy.deepcopy(self.current(reference))
        assert resource is not None
        change(resource)
        self._store(reference, resource, spell=False)

    def delete(self, reference: str) -> None:
        """A person deletes a resource."""
        self.history[reference].append(None)

    def catch_up(self) -> None:
        """What it was still at work on is done now."""
        while self.late:
            self.late.pop(0)()

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        self.faults.clear()

    def is_well(self) -> bool:
        """Whether a resource of another patient would be given now: a gateway's 404 strikes any."""
        return not any(fault.times and fault.reads for fault in self.faults)

    # --- as our client sees it ----------------------------------------------------------------------
    def request(self, method: str, url: str, **asked: Any) -> requests.Response:
        """What `requests.Session.request` answers."""
        body = orjson.loads(asked["data"]) if asked.get("data") else None
        is_write = method != "GET" and not _is_question(body)
        while is_write and self.meanwhile:
            self.meanwhile.pop()()
        fault = self._next(REQUEST_FAULTS, is_write=is_write)
        if fault in {"timeout before", "crash before"}:
            raise (requests.ReadTimeout if fault == "timeout before" else Crash)
        if fault in {"500", "503", "401"}:
            return _response(int(fault), {}, None)
        if fault == "page 404":
            return _response(404, {}, _PAGE)
        if fault == "late" and is_write:
            self.late.append(lambda: self._answer(method, url, body, asked.get("headers", {})))
            raise requests.ReadTimeout
        reply = self._answer(method, url, body, asked.get("headers", {}))
        if fault in {"timeout after", "crash after"}:
            raise (requests.ReadTimeout if fault == "timeout after" else Crash)
        return _response(*reply) if fault != "page" else _response(200, {}, _PAGE)

    def _answer(self, method: str, url: str, body: Any, headers: Mapping[str, str]) -> Reply:
        path = urlsplit(url).path.removeprefix(urlsplit(BASE).path).strip("/")
        if path == "metadata":
            return 200, {}, self._statement()
        if not path:
            return self._bundle(body)
        asked = {
            "method": method,
            "url": f"{path}?{urlsplit(url).query}",
            "ifMatch": headers.get("If-Match", ""),
            "ifNoneExist": headers.get("If-None-Exist", ""),
        }
        try:
            return self._operate(asked, body)
        except Refusal as refusal:
            return refusal.status, {}, _outcome(refusal.code)

    def _bundle(self, bundle: Json) -> Reply:
        is_whole = bundle["type"] == "transaction"
        is_question = _is_question(bundle)
        if not self.habits.bundles or (is_whole and self.habits.bundles != "transaction"):
            return 400, {}, _outcome("not-supported")
        before = {reference: list(versions) for reference, versions in self.history.items()}
        entries = self._named(bundle["entry"]) if is_whole else bundle["entry"]
        answers = []
        for entry in entries:
            try:
                answers.append(self._entry(entry))
            except Refusal as refusal:
                if is_whole and not is_question:
                    self.history = before
                    return refusal.status, {}, _outcome(refusal.code)
                answers.append(
                    {"response": {"status": str(refusal.status), "outcome": _outcome(refusal.code)}}
                )
        return 200, {}, {"resourceType": "Bundle", "type": f"{bundle['type']}-response", "entry": answers}

    def _entry(self, entry: Json) -> Json:
        status, headers, body = self._operate(entry["request"], entry.get("resource"))
        told = {"status": str(status), "location": headers.get("Location"), "etag": headers.get("ETag")}
        return {
            **({"resource": body} if body else {}),
            "response": {name: value for name, value in told.items() if value},
        }

    def _named(self, entries: Sequence[Json]) -> list[Json]:
        """The entries of a transaction, with the references that their links get once it is done."""
        names: dict[str, str] = {}
        reserved = 0
        for entry in entries:
            asked = entry["request"]
            if asked["method"] == "POST":
                found = self._existing(asked["url"], asked.get("ifNoneExist", ""))
                names[entry["fullUrl"]] = found[0] if found else f"{asked['url']}/{self._next_id(reserved)}"
                reserved += not found
        return [
            {**entry, "resource": with_references(entry["resource"], lambda name: names.get(name, name))}
            if "resource" in entry
            else entry
            for entry in entries
        ]

    def _operate(self, asked: Json, body: Any) -> Reply:
        method = asked["method"]
        path, _, query = asked["url"].partition("?")
        kind = path.partition("/")[0]
        fault = self._next(OPERATION_FAULTS, is_write=method != "GET")
        if method == "GET":
            return self._get(path, query, fault)
        if fault in {"403", "422", "409"}:
            raise Refusal(int(fault), "forbidden" if fault == "403" else "business-rule")
        if kind not in self.habits.takes:
            raise Refusal(405, "not-supported")
        if method == "POST":
            return self._create(kind, body, asked.get("ifNoneExist", ""))
        if not self.habits.changes:
            raise Refusal(403, "forbidden")
        return self._put(path, body, asked.get("ifMatch", ""))

    def _get(self, path: str, query: str, fault: str) -> Reply:
        if "/" in path:
            resource = self.current(path)
            if fault == "404" or path not in self.history:
                raise Refusal(404, "not-found")
            if resource is None:
                raise Refusal(410, "deleted")
            return 200, self._version_headers(path), resource
        found = [] if fault == "empty" else self._find(path, query)
        page = {
            "resourceType": "Bundle",
            "type": "searchset",
            "link": [{"relation": "self", "url": f"{BASE}/{path}?{query}"}],
            "entry": [
                {"resource": self.current(reference), "search": {"mode": "match"}} for reference in found
            ],
        }
        return 200, {}, page

    def _create(self, kind: str, body: Json, if_none_exist: str) -> Reply:
        found = self._existing(kind, if_none_exist)
        if len(found) > 1:
            raise Refusal(412, "multiple-matches")
        if found:
            return 200, {"Location": f"{BASE}/{found[0]}", **self._version_headers(found[0])}, None
        reference = f"{kind}/{self._next_id(0)}"
        self._store(reference, body)
        where = reference if self.habits.terse else f"{BASE}/{reference}"
        return 201, {"Location": where, **self._version_headers(reference)}, None

    def _put(self, reference: str, body: Json, if_match: str) -> Reply:
        if self.current(reference) is None:
            raise Refusal(404 if reference not in self.history else 410, "not-found")
        if self.habits.versions and if_match and if_match != self._etag(reference):
            raise Refusal(412, "conflict")
        self._store(reference, body)
        return 200, self._version_headers(reference), None

    def _store(self, reference: str, body: Json, *, spell: bool = True) -> None:
        kind, _, identity = reference.partition("/")
        kept = {name: part for name, part in copy.deepcopy(body).items() if name not in self.habits.drops}
        if spell and self.habits.spell:
            kept = self.habits.spell(kept, self.chance)
        versions = self.history.setdefault(reference, [])
        meta = {name: part for name, part in kept.get("meta", {}).items() if name != "versionId"}
        if self.habits.versions:
            meta["versionId"] = str(len(versions) + 1)
        stored = {**kept, "resourceType": kind, "id": identity, **({"meta": meta} if meta else {})}
        versions.append(stored)

    def _find(self, kind: str, query: str) -> list[str]:
        """The references of what a search finds; nothing where nothing is asked."""
        asked = [(name, value) for name, value in parse_qsl(query) if name != "_count"]
        if not asked:
            return []
        return [
            reference
            for reference, versions in self.history.items()
            if reference.startswith(f"{kind}/")
            and versions[-1] is not None
            and all(_matches(versions[-1], name, value) for name, value in asked)
        ]

    def _existing(self, kind: str, if_none_exist: str) -> list[str]:
        return self._find(kind, if_none_exist) if self.habits.conditional_create else []

    def _next_id(self, ahead: int) -> int:
        return len(self.history) + 1 + ahead

    def _etag(self, reference: str) -> str:
        return f'W/"{len(self.history[reference])}"'

    def _version_headers(self, reference: str) -> dict[str, str]:
        return {"ETag": self._etag(reference)} if self.habits.versions else {}

    def _next(self, kinds: Sequence[str], *, is_write: bool) -> str:
        for fault in self.faults:
            if fault.kind in kinds and fault.strikes(is_write=is_write):
                fault.times -= 1
                return fault.kind
        return ""

    def _statement(self) -> Json:
        able = ("read", "create", *(["update"] if self.habits.changes else []), "search-type")
        interactions = [{"code": code} for code in able]
        searches = (
            "identifier",
            "_tag",
            "patient",
            "encounter",
            "status",
            "target",
            "code",
            "type",
            *([] if self.habits.changes else ["date"]),
        )
        return {
            "resourceType": "CapabilityStatement",
            "fhirVersion": "4.0.1",
            "software": {"name": self.habits.name},
            "rest": [
                {
                    "mode": "server",
                    "interaction": [
                        {"code": code}
                        for code in ("batch", "transaction")
                        if self.habits.bundles in {code, "transaction"}
                    ],
                    "resource": [
                        {
                            "type": kind,
                            "interaction": interactions,
                            "conditionalCreate": self.habits.conditional_create,
                            "versioning": "versioned-update" if self.habits.versions else "no-version",
                            "searchParam": [{"name": name} for name in searches],
                        }
                        for kind in sorted(self.habits.takes)
                    ],
                }
            ],
        }


class FakeClient(Ehr):
    """Our real client, whose connection leads to a FakeEhr; waits for nothing."""

    def __init__(self, tenant: Tenant, server: FakeEhr) -> None:
        super().__init__(tenant, quirks=load_quirks(), sleep=_do_not_wait)
        throttle = Throttle(OwnAllowance(limit_of(tenant)), sleep=_do_not_wait)
        self._connection = _FakeConnection(tenant, server, throttle)


class _FakeConnection(Connection):
    def __init__(self, tenant: Tenant, server: FakeEhr, throttle: Throttle) -> None:
        super().__init__(tenant, FixedCredentials(""), throttle)
        self._server: Any = server

    def _open(self) -> requests.Session:
        return self._server  # type: ignore[no-any-return]


def _do_not_wait(_: float) -> None:
    return


def _is_question(body: Any) -> bool:
    return isinstance(body, dict) and all(
        entry.get("request", {}).get("method") == "GET" for entry in body.get("entry", [{}])
    )


def _matches(resource: Json, name: str, value: str) -> bool:
    if name in {"identifier", "_tag"}:
        return any(_has_token(resource, name, *token.partition("|")[::2]) for token in value.split(","))
    if name in {"patient", "encounter"}:
        parts = [resource.get(part) for part in ("subject", "for", "patient", "encounter", "context")]
        return value.rpartition("/")[2] in {_id_in(part) for part in parts}
    if name == "target":
        return any(value == part.get("reference") for part in resource.get("target", ()))
    if name == "status":
        return resource.get("status") in value.split(",")
    if name in {"code", "type"}:
        codings = resource.get(name, {}).get("coding", ())
        return any(value in {f"{c.get('system')}|{c.get('code')}", c.get("code")} for c in codings)
    return True


def _has_token(resource: Json, name: str, system: str, value: str) -> bool:
    if name == "identifier":
        return any(
            (item.get("system"), item.get("value")) == (system, value)
            for item in resource.get("identifier", ())
        )
    tags = resource.get("meta", {}).get("tag", ())
    return any((tag.get("system"), tag.get("code")) == (system, value) for tag in tags)


def _id_in(part: Any) -> str:
    if isinstance(part, dict) and "encounter" in part:
        return str(part["encounter"][0].get("reference", "")).rpartition("/")[2]
    return str(part.get("reference", "")).rpartition("/")[2] if isinstance(part, dict) else ""


def _outcome(code: str) -> Json:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]}


def _response(status: int, headers: Mapping[str, str], body: Json | str | None) -> requests.Response:
    data = body.encode() if isinstance(body, str) else orjson.dumps(body) if body is not None else b""
    response = requests.Response()
    response.status_code = status
    response.headers = CaseInsensitiveDict(headers)
    response.raw = urllib3.HTTPResponse(BytesIO(data), headers, status, preload_content=False)
    return response
