"""`homeward protocols`: for the people who write and sign the content."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import click
import orjson
from rich.console import Console, RenderableType
from rich.text import Text
from rich.tree import Tree

from config.content import SHIPPED, load_content
from config.content_check import Checked, check
from config.needs_document import protocol_section
from config.settings import content_folder, settings_of_this_process
from config.tenants_file import load_tenants
from service.domain.content import Content, Protocol
from service.domain.expression import AllOf, AnyOf, AtLeast, CodeTest, Expression, NoneOf
from service.domain.wording import combining
from service.errors import BadInput
from service.presentation.table import table

Json = dict[str, Any]
Show = Callable[[], None]
#: Members of a code set that are named one by one.
_SHOWN: Final = 12


def check_content(folder: Path | None, overlay: Path | None, form: str) -> tuple[Show, int]:
    """What is wrong in a folder laid out like config/, and the exit code: 1 if anything is.

    Without a folder it is what the service loads: that of the deployment, and without an overlay those of all hospitals.
    """
    overlays = [overlay] if folder or overlay else _overlays_of_hospitals()
    found = [check(folder or content_folder() or SHIPPED, laid_over) for laid_over in overlays]
    checked = next((result for result in found if result.problems), found[0])
    show = _writing(_check_document(checked)) if form == "json" else _printing(_check_lines(checked))
    return show, int(bool(checked.problems))


def _overlays_of_hospitals() -> list[Path | None]:
    """None for the deployment itself, then each folder that a hospital lays over its content."""
    settings = settings_of_this_process()
    tenants = load_tenants(Path(settings.tenants_file)).values() if settings.tenants_file else ()
    return list(dict.fromkeys((None, *(tenant.content for tenant in tenants))))


def list_protocols(form: str) -> Show:
    """All protocols, as the plan orders them."""
    protocols = load_content(content_folder()).protocols
    if form == "json":
        return _writing({"protocols": [_summary(one) for one in protocols]})
    rows = [(one.ref.id, one.title, str(one.kind), one.ref.version, str(one.ref.review)) for one in protocols]
    return _printing(table("Protocols", ("Need", "Title", "Kind", "Version", "Review"), rows))


def show_protocol(name: str, form: str) -> Show:
    """One protocol as docs/needs.md has it: what a clinician signs."""
    content = load_content(content_folder())
    section = protocol_section(_protocol(name, content), content)
    if form == "json":
        return _writing({**_summary(_protocol(name, content)), "markdown": section})
    return lambda: click.echo(section)


def explain_protocol(name: str, form: str) -> Show:
    """What one protocol asks of a record, condition by condition, with the members of its code sets."""
    content = load_content(content_folder())
    protocol = _protocol(name, content)
    conditions = _conditions(protocol)
    if form == "json":
        told = {key: _expression(asked, content) for key, asked in conditions}
        return _writing({**_summary(protocol), **told})
    tree = Tree(Text(f"{protocol.title} ({protocol.ref.id} {protocol.ref.version})"))
    for key, asked in conditions:
        _grow(tree.add(Text(key)), asked, content)
    return _printing(tree)


def _protocol(name: str, content: Content) -> Protocol:
    found = next((one for one in content.protocols if one.ref.id == name), None)
    if found is None:
        raise BadInput("There is no such protocol; `homeward protocols list` names them all.")
    return found


def _summary(protocol: Protocol) -> Json:
    return {
        "id": protocol.ref.id,
        "version": protocol.ref.version,
        "title": protocol.title,
        "kind": str(protocol.kind),
        "review": str(protocol.ref.review),
        "sensitive": sorted(map(str, protocol.labels)),
    }


def _conditions(protocol: Protocol) -> list[tuple[str, Expression]]:
    named = (
        ("applies", protocol.applies),
        ("present", protocol.present),
        ("absent", protocol.absent),
        ("ask_when", protocol.ask_when),
        ("context", protocol.context),
        *((f"raise to {urgency}", when) for urgency, when in protocol.raises),
        *((f"blocker {rule.key}", rule.when) for rule in protocol.blockers),
    )
    return [(key, asked) for key, asked in named if asked is not None]


def _expression(asked: Expression, content: Content) -> Json:
    if isinstance(asked, AnyOf | AllOf | NoneOf | AtLeast):
        return {"asks": combining(asked), "parts": [_expression(part, content) for part in asked.of]}
    return {"asks": content.words[asked], "codes": list(_members(asked, content))}


def _grow(tree: Tree, asked: Expression, content: Content) -> None:
    if isinstance(asked, AnyOf | AllOf | NoneOf | AtLeast):
        branch = tree.add(Text(combining(asked)))
        for part in asked.of:
            _grow(branch, part, content)
        return
    leaf, members = tree.add(Text(content.words[asked])), list(_members(asked, content))
    for member in members[:_SHOWN]:
        leaf.add(Text(member))
    if len(members) > _SHOWN:
        leaf.add(Text(f"and {len(members) - _SHOWN} more"))


def _members(asked: Expression, content: Content) -> Iterable[str]:
    """The codes of the sets a leaf names, with their displays."""
    for name in asked.named if isinstance(asked, CodeTest) else ():
        for code in content.code_sets.get(name.removeprefix("code set "), ()):
            yield f"{code.system} {code.code} {code.display}".strip()


def _check_document(checked: Checked) -> Json:
    found = [{"file": one.file, "line": one.line, "message": one.message} for one in checked.problems]
    return {
        "ok": not found,
        "problems": found,
        "content": _digest(checked.content) or None,
        "not_ruled_out": [
            {"need": need, "reason": reason or None} for need, reason in _never_absent(checked)
        ],
    }


def _never_absent(checked: Checked) -> Iterable[tuple[str, str]]:
    """The needs that nothing rules out, each with the reason, "" where its author gives none."""
    for protocol in checked.content.protocols if checked.content else ():
        if protocol.absent is None:
            yield protocol.ref.id, protocol.not_ruled_out


def _digest(content: Content | None) -> str:
    return content.origin.digest if content and content.origin else ""


def _check_lines(checked: Checked) -> Text:
    if checked.content is None:
        lines = (
            f"{one.file}:{one.line}: {one.message}" if one.file else one.message for one in checked.problems
        )
        return Text("\n".join(lines))
    right = (
        f"{len(checked.content.protocols)} protocols and {len(checked.content.instruments)} instruments are right "
        f"({_digest(checked.content)})."
    )
    never = [f"  {need}: {reason or 'no reason is given'}" for need, reason in _never_absent(checked)]
    heading = [f"Nothing rules out {len(never)} of the needs:"] if never else []
    return Text("\n".join((right, *heading, *never)))


def _printing(shown: RenderableType) -> Show:
    return lambda: Console(soft_wrap=True).print(shown)


def _writing(document: Json) -> Show:
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    return lambda: click.echo(text)
