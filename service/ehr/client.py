"""One EHR as Homeward uses it: read, search many things at once, write safely."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from config.ehr_quirks import Preference, Quirk
from config.tenants import Tenant
from fhir_mappings.bundle import Reply, Search, link, responses, search_batch
from fhir_mappings.references import literal, reference_of, version_of
from service import clock
from service.domain.allowance import Limit
from service.domain.record import Gap, GapReason
from service.ehr.allowance import BURST_SECONDS, Allowance, OwnAllowance
from service.ehr.answers import error_for, text_of_binary
from service.ehr.asking import fit_search
from service.ehr.auth import Credentials, credentials_for
from service.ehr.breaker import Breaker
from service.ehr.capability import Capability, capability_from
from service.ehr.http import Answer, Connection, Request
from service.ehr.parts import ask_in_parts, fails_on_a_record
from service.ehr.quirks import with_quirks
from service.ehr.search import PAGE_SIZE, Lack, SearchResult, refusal, result_of
from service.ehr.skew import SkewMeter
from service.ehr.throttle import PATIENCE_SECONDS, Throttle
from service.errors import (
    EhrError,
    EhrNotFhir,
    EhrRecordFault,
    EhrRefused,
    EhrRejected,
    EhrUnavailable,
    WriteUnknown,
)

#: An EHR's /metadata is read again once a day: upgrades change it.
CAPABILITY_SECONDS: Final = 24 * 3600.0
#: A refusal that contradicts /metadata has it read again, at most this often.
DOUBT_SECONDS: Final = 600.0
#: Answers that mean that the EHR takes no Bundles at all, so that it is not asked with one again.
_NO_BUNDLES: Final = frozenset({400, 404, 405, 422, 501})
#: Refusals of what /metadata offers: it may have changed since it was read. A search that is not granted (403) is none.
_CONTRADICTED: Final = frozenset({403, 405, 501})
_NO_SUCH_SEARCH: Final = frozenset({400, 404, 405, 501})
_STRICT: Final = {"Prefer": "handling=strict"}


@dataclass(frozen=True, slots=True)
class Versioned:
    """A resource with the ETag under which it may be put back; "" where the EHR keeps no versions."""

    resource: dict[str, Any]
    etag: str


@dataclass(frozen=True, slots=True)
class Written:
    """Where a resource was written ("Goal/7") and its new ETag, "" where the EHR does not say."""

    reference: str
    etag: str


class Ehr:
    """One tenant's FHIR server. Safe to share between threads; opens its connections at first use.

    allowance is what all processes share; without one this process keeps to the tenant's limits by itself.
    """

    def __init__(
        self,
        tenant: Tenant,
        *,
        credentials: Credentials | None = None,
        quirks: Sequence[Quirk] = (),
        allowance: Allowance | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        sleep: Callable[[float], None] = clock.sleep,
    ) -> None:
        self.tenant = tenant
        #: Called when an EHR that was left alone by this process answers again.
        self.recovered: Callable[[], object] = lambda: None
        self.allowance = allowance or OwnAllowance(limit_of(tenant))
        throttle = Throttle(self.allowance, patience_seconds=patience_seconds, sleep=sleep)
        self._connection = Connection(
            tenant,
            credentials or credentials_for(tenant),
            throttle,
            Breaker(recovered=self._tell_of_recovery),
        )
        self._quirks = tuple(quirks)
        self._asking = threading.Lock()
        self._capability: tuple[float, Capability] | None = None
        self._bundles = True
        self._batch_writes = True
        self._doubted = -CAPABILITY_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._connection.close()

    @property
    def skew(self) -> SkewMeter:
        """Its clock against ours."""
        return self._connection.skew

    def capability(self) -> Capability:
        """What /metadata says, read once a day."""
        with self._asking:
            if self._capability is None or clock.monotonic() - self._capability[0] > CAPABILITY_SECONDS:
                stated = capability_from(self._get("metadata"))
                known = with_quirks(
                    stated, self._quirks, named=self.tenant.quirks, problems=self.tenant.problems
                )
                self._capability = clock.monotonic(), known
                self._bundles = self._batch_writes = True
            return self._capability[1]

    def _tell_of_recovery(self) -> None:
        """Look up whom to tell when it happens: that is set after this is made."""
        self.recovered()

    def probe(self) -> None:
        """Return when the EHR answers a question that costs it little; raises EhrError when it does not."""
        self._get("metadata")

    def answer_to(self, request: Request) -> Answer:
        """The answer to a call as it stands, for tries that change nothing; each failure one of the EhrErrors."""
        return self._connection.send(request)

    def writes_in_batch(self) -> bool:
        """Whether several writes go in one batch."""
        return self.capability().writes_in_batch() and self._batch_writes

    def no_writes_in_batch(self) -> None:
        """It lists batches and refuses writes in them: not asked again until /metadata is read anew."""
        self._batch_writes = False

    def read(self, reference: str) -> dict[str, Any]:
        """The resource "Type/id"; EhrRefused with status 404 or 410 when it is not there."""
        return self.fetch(reference).resource

    def fetch(self, reference: str) -> Versioned:
        """The same with its ETag."""
        answer = self._connection.send(Request("GET", reference))
        resource = _body(answer, reference)
        return Versioned(resource, answer.etag or version_of(resource))

    def text_at(self, url: str, content_type: str) -> str:
        """The text of an attachment that stands behind a URL of this EHR; "" where it is no text. EhrNotFhir for another's URL."""
        request = Request("GET", url, headers={"Accept": content_type}, is_fhir=False)
        return text_of_binary(self._connection.send(request).data)

    def events(self, subscription: str, first: int, last: int) -> dict[str, Any]:
        """The notifications of "Subscription/7" with these numbers, by the backport's $events."""
        return self._get(f"{subscription}/$events?eventsSinceNumber={first}&eventsUntilNumber={last}")

    def batch(self, searches: Sequence[Search]) -> list[SearchResult]:
        """One result for each search, in their order; a search that fails is a result with a gap.

        One batch Bundle where the EHR offers it, else bounded parallel GETs. EhrUnavailable only when nothing at all
        was answered. What the EHR is known to refuse is not sent, and is refused here.
        """
        if not searches:
            return []
        capability = self.capability()
        refused = {search: gap for search in searches if (gap := _known_refusal(search, capability))}
        allowed = [search for search in searches if search not in refused]
        answers = iter(self._mended(allowed, self._ask(allowed, capability), capability))
        return [
            SearchResult(search, gaps=(refused[search],), lack=Lack.LASTING)
            if search in refused
            else next(answers)
            for search in searches
        ]

    def _mended(
        self, searches: Sequence[Search], results: Sequence[SearchResult], capability: Capability
    ) -> list[SearchResult]:
        """The results; those of searches that failed over one bad record asked for again in parts."""
        today = clock.now().date()
        return [
            ask_in_parts(
                replace(result, search=search), lambda parts: self._ask(parts, capability), capability, today
            )
            if fails_on_a_record(result, results)
            else result
            for search, result in zip(searches, results, strict=True)
        ]

    def _ask(self, searches: Sequence[Search], capability: Capability) -> list[SearchResult]:
        if not searches:
            return []
        today = clock.now().date()
        asked = [_sized(fit_search(search, capability, today), capability) for search in searches]
        try:
            replies = self._ask_as_bundle(asked) if capability.bundles() and self._bundles else None
        except (EhrRefused, EhrRejected, EhrNotFhir) as error:
            # It says that it takes bundles and does not, or this one was too much: the same questions one by one.
            replies, self._bundles = None, getattr(error, "status", 0) not in _NO_BUNDLES
        return self._collect(asked, replies) if replies else self._ask_singly(asked)

    def transaction(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """The response to a transaction or batch Bundle of writes; WriteUnknown when no answer came."""
        answer = self._write(Request("POST", "", bundle, self._prefer(), safe=False))
        if answer.body is None:
            raise WriteUnknown("POST Bundle: the EHR said yes without saying to what.")
        return answer.body

    def create(self, resource: dict[str, Any], *, if_none_exist: str = "") -> Written:
        """Write a new resource. if_none_exist is a search ("identifier=…") whose one match is taken instead."""
        headers = {**self._prefer(), **({"If-None-Exist": if_none_exist} if if_none_exist else {})}
        request = Request("POST", str(resource["resourceType"]), resource, headers, safe=False)
        return _written(self._write(request))

    def update(self, resource: dict[str, Any], *, etag: str = "") -> Written:
        """Put a whole resource back, only if its version is still this one; EhrConflict if it is not."""
        headers = {**self._prefer(), **({"If-Match": etag} if etag else {})}
        reference = reference_of(resource)
        written = _written(self._write(Request("PUT", reference, resource, headers, safe=False)))
        return Written(written.reference or reference, written.etag)

    def _write(self, request: Request) -> Answer:
        try:
            return self._connection.send(request)
        except EhrRefused as error:
            self.refused(error)
            raise

    def refused(self, error: EhrError) -> None:
        """Told of a write that was refused by itself, as in a batch: one that /metadata offers makes us read it again."""
        if isinstance(error, EhrRefused) and error.status in _CONTRADICTED:
            self._doubt()

    def _not_found_out(self, search: Search, error: EhrError) -> SearchResult:
        """The result of a search that gave an error; one that /metadata lists and the EHR does not know is a doubt, too."""
        refused = isinstance(error, EhrRefused | EhrRejected) and error.status in _NO_SUCH_SEARCH
        if refused and not search.id:
            self._doubt()
        return refusal(search, error)

    def _doubt(self) -> None:
        """What /metadata listed is not done: it is read again at the next question, but not at every refusal."""
        with self._asking:
            if clock.monotonic() - self._doubted > DOUBT_SECONDS:
                self._doubted = clock.monotonic()
                self._capability = None

    def _prefer(self) -> dict[str, str]:
        """What to be answered after a write; nothing is asked of /metadata for it that is not known yet."""
        known = self._capability
        return {"Prefer": f"return={known[1].prefer if known else Preference.MINIMAL}"}

    def _get(self, path: str) -> dict[str, Any]:
        return _body(self._connection.send(Request("GET", path, headers=_STRICT)), path)

    def _ask_as_bundle(self, searches: Sequence[Search]) -> list[Reply]:
        answer = self._connection.send(Request("POST", "", search_batch(searches)))
        replies = responses(_body(answer, "batch"))
        if len(replies) != len(searches):
            raise EhrNotFhir("The EHR's batch answer has another number of entries than the question.")
        return replies

    def _collect(self, searches: Sequence[Search], replies: Sequence[Reply]) -> list[SearchResult]:
        """The results of a batch; the further pages of several searches at once, as far as the hospital allows."""
        more = sum(bool(reply.resource and link(reply.resource, "next")) for reply in replies)
        if more <= 1:
            return list(map(self._result_of, searches, replies))
        with self._at_once(more) as pool:
            return list(pool.map(self._result_of, searches, replies))

    def _result_of(self, search: Search, reply: Reply) -> SearchResult:
        answer = reply.resource or (reply.outcome if reply.ok else None)
        if answer is not None and (reply.ok or not reply.status):
            return result_of(search, answer, self._get, reply.outcome)
        return self._not_found_out(search, _entry_error(search, reply))

    def _ask_singly(self, searches: Sequence[Search]) -> list[SearchResult]:
        with self._at_once(len(searches)) as pool:
            outcomes = list(pool.map(self._ask_one, searches))
        failures = [
            outcome
            for outcome in outcomes
            if isinstance(outcome, EhrUnavailable)
            and not (isinstance(outcome, EhrRecordFault) and outcome.certain)
        ]
        if len(failures) == len(searches):
            raise failures[0]
        return [
            self._not_found_out(search, outcome) if isinstance(outcome, EhrError) else outcome
            for search, outcome in zip(searches, outcomes, strict=True)
        ]

    def _at_once(self, questions: int) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(min(self.tenant.max_connections, questions))

    def _ask_one(self, search: Search) -> SearchResult | EhrError:
        try:
            return result_of(search, self._get(search.url), self._get)
        except EhrError as error:
            return error


def limit_of(tenant: Tenant) -> Limit:
    """What a hospital lets all our processes ask of its EHR together."""
    rate = tenant.requests_per_second
    return Limit(
        slots=tenant.max_connections,
        per_second=rate,
        burst=max(1.0, BURST_SECONDS * rate),
        ahead=max(1, round(rate / 4)),
    )


def _sized(search: Search, capability: Capability) -> Search:
    """The same search with large pages, where the EHR takes the wish."""
    if search.id or not capability.pages(search.resource_type):
        return search
    return Search(search.resource_type, (*search.parameters, ("_count", str(PAGE_SIZE))))


def _known_refusal(search: Search, capability: Capability) -> Gap | None:
    """The gap that a search leaves which this server wants more parameters for."""
    names = [name for name, _ in search.parameters]
    lacking = frozenset() if search.id else capability.left_out(search.resource_type, names)
    if not lacking:
        return None
    wanted = " and ".join(sorted(lacking))
    return Gap(search.resource_type, GapReason.NOT_OFFERED, f"The EHR takes no such search without {wanted}.")


def _entry_error(search: Search, reply: Reply) -> EhrError:
    if not reply.status:
        return EhrNotFhir(f"GET {search.resource_type}: the EHR's answer has no status and no content.")
    outcome = reply.outcome or reply.resource
    return error_for(f"GET {search.resource_type}", reply.status, writing=False, outcome=outcome)


def _body(answer: Answer, what: str) -> dict[str, Any]:
    if answer.body is None:
        raise EhrNotFhir(f"{what.partition('/')[0].partition('?')[0]}: the EHR's answer is empty.")
    return answer.body


def _written(answer: Answer) -> Written:
    resource = answer.body or {}
    return Written(literal(answer.location) or reference_of(resource), answer.etag or version_of(resource))
