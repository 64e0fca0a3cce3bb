"""`make fuzz [COUNT=5000] [SEED=1]`: damaged and respelled sample records, planned in process and by the command.

python -m benchmarks.fuzz --count 5000 --commands 50 --seed 1

Some mutations damage a record in one place: none may crash, and less than half may be refused. The others spell it in another legal
way: none may change what the plan says. Exit 1 when one of these does not hold.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.damage import DAMAGES
from config.content import load_content
from config.conventions import Conventions
from config.directory_file import load_directory
from fhir_mappings import systems
from fhir_mappings.bundle import transaction_bundle
from fhir_mappings.inbound.bundle_file import choose_stay, read_bundle
from fhir_mappings.inbound.record import build_record
from fhir_mappings.outbound.author import Author
from fhir_mappings.outbound.plan import plan_resources
from service.domain.community_service import LoadedDirectory
from service.domain.plan import Plan
from service.errors import HomewardError
from service.pipeline.assess import assess
from service.pipeline.draft import draft
from service.pipeline.match import match
from service.presentation.document import plan_document
from service.sandbox.inpatients import inpatients
from service.sandbox.respelling import BASE, RESPELLINGS

Json = dict[str, Any]
Mutation = Callable[[list[Json], Random], list[Json]]

TODAY: Final = date(2026, 3, 2)
ZONE: Final = ZoneInfo("America/Chicago")
_AUTHOR: Final = Author(device_name="Homeward", organization="", organization_reference="")
_PATIENTS: Final = Path(__file__).parent.parent / "service" / "sandbox" / "patients"
_PLACES: Final = ("home", "snf", "hosp", "exp")
_MOST_REFUSED: Final = 0.5
_SHOWN: Final = 5
_COMMAND_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one record: the plan's meaning, or the sentence of its refusal, or the name of the crash."""

    meaning: Json | None = None
    refusal: str = ""
    crash: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of mutation; of one that is a spelling the plan must say the same."""

    name: str
    mutate: Mutation
    is_spelling: bool = False


@dataclass(slots=True)
class Tally:
    """What became of the mutations of one kind; wrong are sentences that name patient, number and what happened."""

    kind: Kind
    tried: int = 0
    changed: int = 0
    refused: int = 0
    planned: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, found: Outcome, before: Outcome, *, what: str) -> None:
        """Count one mutation by what the record gave before and after it."""
        self.tried += 1
        self.planned += found.meaning is not None
        self.refused += bool(found.refusal)
        self.changed += found != before
        if found.crash:
            self.wrong.append(f"{self.kind.name} ({what}): {found.crash}")
        elif self.kind.is_spelling and found != before:
            self.wrong.append(f"{self.kind.name} ({what}): {_difference(before, found)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Try them all; 0 when everything held."""
    asked = _parser().parse_args(arguments)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("mutations", total=asked.count)
        tallies = fuzz(asked.count, asked.seed, tick=lambda: progress.advance(bar))
        bar = progress.add_task("through the command", total=asked.commands)
        tallies.append(run_commands(asked.commands, asked.seed, tick=lambda: progress.advance(bar)))
    Console().print(_table(tallies))
    problems = list(judge(tallies))
    for problem in problems[:_SHOWN]:
        console.print(problem, markup=False)
    tried = sum(tally.tried for tally in tallies)
    verdict = "held" if not problems else f"FAILED: {len(problems)} problems"
    Console().print(f"fuzz: {tried} mutations, seed {asked.seed}: {verdict}")
    return int(bool(problems))


def fuzz(
    count: int, seed: int, *, kinds: Sequence[Kind] = (), tick: Callable[[], None] = lambda: None
) -> list[Tally]:
    """That many mutations of the sample records, the kinds (all of them if none are named) in turn.

    The same seed tries the same ones.
    """
    random = Random(seed)  # noqa: S311  nothing is kept secret by it
    tallies = [Tally(kind) for kind in kinds or KINDS]
    for number in range(count):
        tally = tallies[number % len(tallies)]
        patient = random.choice(sorted(sample_records()))
        mutated = tally.kind.mutate(sample_records()[patient], Random(f"{seed} {number}"))  # noqa: S311  the same
        tally.add(outcome_of(bundle_of(mutated)), original(patient), what=f"{patient}, mutation {number}")
        tick()
    return tallies


def respell_thrice(resources: list[Json], random: Random) -> list[Json]:
    """Three respellings, one after the other."""
    for respelling in random.sample(RESPELLINGS, k=3):
        resources = respelling(resources, random)
    return resources


SPELLINGS: Final = (
    *(Kind(respelling.name, respelling, is_spelling=True) for respelling in RESPELLINGS),
    Kind("three respellings at once", respell_thrice, is_spelling=True),
)
KINDS: Final = (*SPELLINGS, *(Kind(damage.name, damage) for damage in DAMAGES))


def _difference(before: Outcome, after: Outcome) -> str:
    """Which parts of the plan differ; sample patients are invented, yet their words are not repeated."""
    if before.meaning is None or after.meaning is None:
        return f"refused: {after.refusal}"
    return "changed " + ", ".join(key for key in before.meaning if before.meaning[key] != after.meaning[key])


def judge(tallies: Sequence[Tally]) -> Iterator[str]:
    """What did not hold, in sentences."""
    for tally in tallies:
        yield from tally.wrong
    tried, refused = sum(one.tried for one in tallies), sum(one.refused for one in tallies)
    if refused >= _MOST_REFUSED * tried:
        yield f"{refused} of {tried} mutations were refused; less than half may be."


@cache
def sample_records() -> dict[str, list[Json]]:
    """The resources of each sample patient, by the patient's id. Not to be changed."""
    found = {patient.id: _resources(_PATIENTS / patient.file) for patient in inpatients()}
    first = next(iter(found))
    return found | {f"{first}, going to {place}": _sent_to(found[first], place) for place in _PLACES}


def _sent_to(resources: Sequence[Json], place: str) -> list[Json]:
    """The same record with the place that its stay leads to; no sample patient has left yet."""
    coding = {"system": systems.DISCHARGE_DISPOSITION, "code": place}
    stay = {"hospitalization": {"dischargeDisposition": {"coding": [coding]}}}
    going_on = {("Encounter", "in-progress")}
    return [
        {**resource, **stay} if (resource["resourceType"], resource.get("status")) in going_on else resource
        for resource in resources
    ]


def _resources(path: Path) -> list[Json]:
    return [entry["resource"] for entry in orjson.loads(path.read_bytes())["entry"]]


@cache
def original(patient: str) -> Outcome:
    """What becomes of a sample record as it stands."""
    return outcome_of(bundle_of(sample_records()[patient]))


def bundle_of(resources: Sequence[Json]) -> bytes:
    """A collection of the resources, each under the address that references to it may name."""
    entries = [
        {"fullUrl": f"{BASE}/{one.get('resourceType')}/{one.get('id')}", "resource": one} for one in resources
    ]
    return orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})


def outcome_of(bundle: bytes) -> Outcome:
    """Plan it as the command would, its document and its resources included."""
    try:
        plan = _plan(bundle)
        resources = plan_resources(plan, author=_AUTHOR, recorded=datetime(2026, 3, 2, tzinfo=UTC))
        orjson.dumps(plan_document(plan, bundle=transaction_bundle(resources), zone=ZONE))
    except HomewardError as error:
        return Outcome(refusal=error.public_message)
    except Exception as error:  # noqa: BLE001  any other is what is looked for
        return Outcome(crash=_crash(error))
    return Outcome(meaning=meaning_of(plan))


def _crash(error: Exception) -> str:
    """Kind and place of a crash; its message may quote the record."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__} at {where}"


def _plan(bundle: bytes) -> Plan:
    conventions = Conventions(zone=ZONE)
    resources, content = read_bundle(bundle), _content()
    stay = choose_stay(resources, None, TODAY, conventions)
    record = build_record(
        resources, encounter=stay, today=TODAY, asked=content.questions, conventions=conventions
    )
    assessment = assess(record, content, today=TODAY)
    return draft(
        record, assessment, match(assessment, record.patient, _directory(), today=TODAY), tenant="file"
    )


@cache
def _content() -> Any:
    return load_content()


@cache
def _directory() -> LoadedDirectory:
    return LoadedDirectory(load_directory())


def meaning_of(plan: Plan) -> Json:
    """What a plan says, without what may be cited in other words: evidence, displays, texts of the record."""
    place, readiness = plan.disposition, plan.readiness
    items = (plan.referrals, plan.goals, plan.follow_ups, plan.education, plan.tasks)
    return {
        "needs": sorted(
            (need.code, str(need.state), str(need.urgency), str(need.certainty)) for need in plan.needs
        ),
        "items": sorted((item.key, str(getattr(item, "due", ""))) for listed in items for item in listed),
        "ordered already": sorted(item.key for item in plan.referrals if item.existing),
        "questions": [(question.need, question.question) for question in plan.bedside_questions],
        "risk": [(score.name, score.low, score.high, score.missing) for score in plan.risk_scores],
        "place": place
        and (place.suggested, place.named and place.named.code, [x.text for x in place.factors], place.alert),
        "readiness": readiness and (str(readiness.verdict), [(x.key, x.blocks) for x in readiness.blockers]),
        "compliance": [(item.key, str(item.mark)) for item in plan.compliance],
        "boost": [(item.key, str(item.state)) for item in plan.boost],
        "programmes": [str(programme.key) for programme in plan.programmes],
        "gaps": sorted((gap.about, str(gap.reason)) for gap in plan.gaps),
        "outcome": str(plan.outcome),
        "leaving": plan.discharge_date.isoformat(),
        "sensitive": sorted(item.key for listed in items for item in listed if item.labels),
    }


def run_commands(count: int, seed: int, *, tick: Callable[[], None] = lambda: None) -> Tally:
    """Damaged records through `homeward plan`: a plan or one sentence, never a traceback and never a name."""
    tally, random = Tally(Kind("through the command", DAMAGES[0])), Random(seed)  # noqa: S311  the same
    for number in range(count):
        patient = random.choice(sorted(sample_records()))
        mutated = random.choice(DAMAGES)(sample_records()[patient], random)
        names = {str(name.get("family")) for name in sample_records()[patient][0].get("name", [])}
        ran = _run_command(bundle_of(mutated))
        tally.tried += 1
        tally.planned += ran.returncode == 0
        tally.refused += ran.returncode == 2  # noqa: PLR2004  what was given cannot be planned
        told = ran.stderr.decode()
        if ran.returncode not in {0, 2} or "Traceback" in told or any(name in told for name in names):
            tally.wrong.append(f"{tally.kind.name} ({patient}, run {number}): exit {ran.returncode}")
        tick()
    return tally


def _run_command(bundle: bytes) -> "subprocess.CompletedProcess[bytes]":
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(bundle)
        file.flush()
        command = (
            sys.executable,
            "-m",
            "service.cli",
            "plan",
            file.name,
            "--today",
            TODAY.isoformat(),
            "--format",
            "json",
        )
        return subprocess.run(command, capture_output=True, check=False, timeout=_COMMAND_SECONDS)


def _table(tallies: Sequence[Tally]) -> Table:
    table = Table("Mutation", "Tried", "Changed", "Refused", "Planned", "Wrong")
    for one in tallies:
        row = (one.tried, one.changed, one.refused, one.planned, len(one.wrong))
        table.add_row(one.kind.name, *map(str, row))
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, default=5_000, help="mutations in process")
    parser.add_argument("--commands", type=int, default=50, help="mutations through the command")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    return parser


if __name__ == "__main__":
    sys.exit(main())
