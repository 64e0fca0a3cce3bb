"""Protocols from `config/protocols/*.yaml` (docs/protocols.md)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from config.expression_files import ExpressionReader
from config.marked_yaml import Entry
from config.source_files import read_labels, read_sources
from service.domain.codes import Code, System
from service.domain.content import BlockerRule, Offer, Protocol, Template
from service.domain.expression import AllOf, Expression, NoneOf
from service.domain.protocol import (
    EducationTemplate,
    FollowUpTemplate,
    GoalTemplate,
    NeedKind,
    ProtocolRef,
    ReferralTemplate,
    Review,
    TaskTemplate,
    Urgency,
)

_INTERVENTIONS = ("referrals", "goals", "follow_ups", "education", "tasks", "programmes")
_KEYS = (
    "id",
    "version",
    "title",
    "kind",
    "domain",
    "sensitive",
    "neutral_title",
    "applies",
    "question",
    "ask_when",
    "urgency",
    "raise",
    "present",
    "absent",
    "not_ruled_out",
    "context",
    "blockers",
    "taken_over",
    *_INTERVENTIONS,
    "warning_signs",
    "sources",
)
_REFERRAL_DAYS = 7
Given = Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class ProtocolReader:
    """Reads one protocol file; ConfigurationError names file and line."""

    expressions: ExpressionReader

    def read(self, entry: Entry) -> Protocol:
        """The protocol of this file."""
        given = entry.fields(_KEYS, required=("id", "version", "title", "kind", "present", "sources"))
        sources = read_sources(given["sources"])
        pending = any(source.review is Review.PENDING for source in sources)
        review = Review.PENDING if pending else Review.VERIFIED
        return Protocol(
            ref=ProtocolRef(given["id"].text(), given["version"].text(), review),
            title=given["title"].text(),
            kind=given["kind"].choice(NeedKind),
            present=self.expressions.read(given["present"]),
            sources=sources,
            absent=self._absent(given),
            not_ruled_out=_text(given, "not_ruled_out"),
            applies=self._optional(given, "applies"),
            context=self._optional(given, "context"),
            question=_text(given, "question"),
            ask_when=self._ask_when(given),
            gravity_domain=self._domain(given),
            neutral_title=_neutral_title(entry, given),
            urgency=_urgency(given, "urgency"),
            raises=tuple(self._raises(given)),
            blockers=tuple(self._blockers(given)),
            taken_over=self._optional(given, "taken_over"),
            offers=tuple(self._offers(given)),
            warning_signs=given["warning_signs"].texts() if "warning_signs" in given else (),
            labels=read_labels(given),
        )

    def _optional(self, given: Given, key: str) -> Expression | None:
        return self.expressions.read(given[key]) if key in given else None

    def _absent(self, given: Given) -> Expression | None:
        absent = self._optional(given, "absent")
        if absent is not None and "not_ruled_out" in given:
            raise given["not_ruled_out"].wrong("absent says what rules this need out; leave one of the two")
        if absent is not None and _rests_on_silence(absent):
            raise given["absent"].wrong(
                "a need is absent because somebody asked; none may stand only in an all, beside what was asked"
            )
        return absent

    def _ask_when(self, given: Given) -> Expression | None:
        if "ask_when" in given and "question" not in given:
            raise given["ask_when"].wrong("ask_when says when a question is asked; there is no question here")
        return self._optional(given, "ask_when")

    def _domain(self, given: Given) -> str:
        domain = _text(given, "domain")
        if domain and domain not in self.expressions.terminology.domains:
            raise given["domain"].wrong(f"{domain!r} is no Gravity domain")
        return domain

    def _raises(self, given: Given) -> Iterator[tuple[Urgency, Expression]]:
        for member in given["raise"].items() if "raise" in given else ():
            part = member.fields(("to", "when"), required=("to", "when"))
            yield part["to"].choice(Urgency), self.expressions.read(part["when"])

    def _blockers(self, given: Given) -> Iterator[BlockerRule]:
        for member in given["blockers"].items() if "blockers" in given else ():
            keys = ("key", "text", "clears", "when")
            part = member.fields((*keys, "blocks"), required=keys)
            yield BlockerRule(
                key=part["key"].text(),
                text=part["text"].text(),
                clears=part["clears"].text(),
                when=self.expressions.read(part["when"]),
                blocks=_switch(part, "blocks", otherwise=True),
            )

    def _offers(self, given: Given) -> Iterator[Offer]:
        readers: dict[str, Callable[[Entry], tuple[Template, Given]]] = {
            "referrals": self._referral,
            "goals": self._goal,
            "follow_ups": self._follow_up,
            "education": self._education,
            "tasks": _task,
            "programmes": self._programme,
        }
        for name in _INTERVENTIONS:
            seen: set[str] = set()
            for member in given[name].items() if name in given else ():
                template, part = readers[name](member)
                key = template.service if isinstance(template, ReferralTemplate) else template.key
                if key in seen:
                    raise member.wrong(f"{key!r} stands here twice")
                seen.add(key)
                yield Offer(template, self._optional(part, "when"))

    def _referral(self, entry: Entry) -> tuple[Template, Given]:
        known = ("service", "title", "code", "priority", "within_days", "community", "when", "patient_text")
        given = entry.fields((*known, "sensitive"), required=("service", "title"))
        services, service = self.expressions.terminology.services, given["service"].text()
        if service not in services:
            raise given["service"].wrong(f"{service!r} is not in terminology/referral_services.csv")
        template = ReferralTemplate(
            service=service,
            title=given["title"].text(),
            code=self._snomed(given["code"]) if "code" in given else None,
            priority=_urgency(given, "priority"),
            within_days=_days(given, "within_days", _REFERRAL_DAYS),
            community=_switch(given, "community", otherwise=True),
            patient_text=_text(given, "patient_text"),
            labels=services[service] | read_labels(given),
            service_title=self.expressions.terminology.service_titles[service],
            at_home=self.expressions.terminology.services_at_home[service],
        )
        return template, given

    def _goal(self, entry: Entry) -> tuple[Template, Given]:
        known = ("key", "text", "target", "measure", "within_days", "when", "patient_text", "at_home")
        given = entry.fields(known, required=("key", "text", "target", "within_days"))
        template = GoalTemplate(
            key=given["key"].text(),
            text=given["text"].text(),
            within_days=given["within_days"].whole(),
            measure=self._code(given, "measure"),
            target=given["target"].text(),
            patient_text=_text(given, "patient_text"),
            at_home=_switch(given, "at_home"),
        )
        return template, given

    def _follow_up(self, entry: Entry) -> tuple[Template, Given]:
        known = ("key", "text", "not_before_days", "within_days", "code", "when", "patient_text", "at_home")
        given = entry.fields(known, required=("key", "text", "within_days"))
        not_before, within = _days(given, "not_before_days", 0), given["within_days"].whole()
        if not_before > within:
            raise entry.wrong("not_before_days is later than within_days")
        template = FollowUpTemplate(
            key=given["key"].text(),
            text=given["text"].text(),
            within_days=within,
            not_before_days=not_before,
            code=self._code(given, "code"),
            patient_text=_text(given, "patient_text"),
            at_home=_switch(given, "at_home"),
        )
        return template, given

    def _education(self, entry: Entry) -> tuple[Template, Given]:
        known = ("key", "text", "topic", "when", "patient_text", "warns", "at_home")
        given = entry.fields(known, required=("key", "text"))
        template = EducationTemplate(
            key=given["key"].text(),
            text=given["text"].text(),
            topic=self._code(given, "topic"),
            patient_text=_text(given, "patient_text"),
            warns=_switch(given, "warns"),
            at_home=_switch(given, "at_home"),
        )
        return template, given

    def _programme(self, entry: Entry) -> tuple[Template, Given]:
        given = entry.fields(("programme", "when"), required=("programme",))
        known, key = self.expressions.terminology.programmes, given["programme"].text()
        if key not in known:
            raise given["programme"].wrong(f"{key!r} is not in terminology/programmes.csv")
        return known[key], given

    def _code(self, given: Given, key: str) -> Code | None:
        if key not in given:
            return None
        systems = (System.LOINC.value, System.ICD10CM.value, System.SNOMED.value)
        codes = list(given[key].fields(systems).items())
        if len(codes) != 1:
            raise given[key].wrong("expected one code")
        system, value = codes[0]
        if system == System.SNOMED:
            return self._snomed(value)
        names = self.expressions.terminology.loinc if system == System.LOINC else {}
        return Code(system, value.text(), names.get(value.text(), ""))

    def _snomed(self, entry: Entry) -> Code:
        concepts = self.expressions.terminology.snomed
        if entry.text() not in concepts:
            raise entry.wrong(f"the SNOMED CT concept {entry.text()} stands in no code set")
        return Code(System.SNOMED, entry.text(), concepts[entry.text()])


def _task(entry: Entry) -> tuple[Template, Given]:
    known = ("key", "text", "owner", "before_discharge", "at_once", "when", "at_home")
    given = entry.fields(known, required=("key", "text"))
    template = TaskTemplate(
        key=given["key"].text(),
        text=given["text"].text(),
        owner=_text(given, "owner") or "social worker",
        before_discharge=_switch(given, "before_discharge", otherwise=True),
        at_once=_switch(given, "at_once"),
        at_home=_switch(given, "at_home"),
    )
    return template, given


def _neutral_title(entry: Entry, given: Given) -> str:
    if "sensitive" in given and "neutral_title" not in given:
        raise entry.wrong("a sensitive need has a neutral_title")
    return _text(given, "neutral_title")


def _rests_on_silence(expression: Expression) -> bool:
    """Whether it can be true because something is not in the record, and nothing else."""
    if isinstance(expression, NoneOf):
        return True
    if isinstance(expression, AllOf):
        return all(map(_rests_on_silence, expression.of))
    return any(map(_rests_on_silence, getattr(expression, "of", ())))


def _text(given: Given, key: str) -> str:
    return given[key].text() if key in given else ""


def _switch(given: Given, key: str, *, otherwise: bool = False) -> bool:
    return given[key].switch() if key in given else otherwise


def _days(given: Given, key: str, otherwise: int) -> int:
    return given[key].whole() if key in given else otherwise


def _urgency(given: Given, key: str) -> Urgency:
    return given[key].choice(Urgency) if key in given else Urgency.ROUTINE
