"""What servers do by themselves to a resource that they keep: each function gives it as one of them would hold it."""

import random
from typing import Any

Json = dict[str, Any]


def add_ids(part: Any, chance: random.Random) -> Any:
    """Element ids, as some servers give them."""
    if isinstance(part, dict):
        made = {name: add_ids(value, chance) for name, value in part.items()}
        return (
            made if "resourceType" in made or chance.random() < 0.5 else {"id": str(chance.random()), **made}
        )
    return [add_ids(item, chance) for item in part] if isinstance(part, list) else part


def reorder(part: Any, chance: random.Random) -> Any:
    """Lists in another order."""
    if isinstance(part, dict):
        return {name: reorder(value, chance) for name, value in part.items()}
    if isinstance(part, list):
        items = [reorder(item, chance) for item in part]
        chance.shuffle(items)
        return items
    return part


def drop_displays(part: Any, _: random.Random) -> Any:
    """Codings and references without their displays; one that is nothing else keeps it."""
    if isinstance(part, dict):
        bare = "code" in part or "reference" in part
        return {
            name: drop_displays(value, _) for name, value in part.items() if not (name == "display" and bare)
        }
    return [drop_displays(item, _) for item in part] if isinstance(part, list) else part


def put_local_codings_first(part: Any, _: random.Random) -> Any:
    """A coding of its own in front of ours."""
    if isinstance(part, dict):
        made = {name: put_local_codings_first(value, _) for name, value in part.items()}
        if isinstance(made.get("coding"), list):
            local = {"system": "urn:oid:1.2.3", "code": "77", "userSelected": True}
            made["coding"] = [local, *made["coding"]]
        return made
    return [put_local_codings_first(item, _) for item in part] if isinstance(part, list) else part


def respell_times(part: Any, chance: random.Random) -> Any:
    """Z in place of +00:00, a fraction of a second more, or no time at all."""
    if isinstance(part, dict):
        return {name: respell_times(value, chance) for name, value in part.items()}
    if isinstance(part, list):
        return [respell_times(item, chance) for item in part]
    if isinstance(part, str) and part.endswith("+00:00"):
        return (
            part.replace("+00:00", chance.choice(["Z", ".000Z", ".412+00:00"]))
            if chance.random() < 0.8
            else part[:10]
        )
    return part


def drop_what_it_does_not_keep(resource: Json, _: random.Random) -> Json:
    """Without notes, identifiers, tags and descriptions."""
    return {
        name: part
        for name, part in resource.items()
        if name not in {"note", "identifier", "extension"}
        and (name, resource["resourceType"]) != ("description", "DocumentReference")
    } | {"meta": {"versionId": "3", "lastUpdated": "2024-03-05T09:30:01Z"}}


def contain_nothing(resource: Json, _: random.Random) -> Json:
    """What was contained as resources of their own."""
    types = {f"#{part['id']}": part["resourceType"] for part in resource.get("contained", ())}

    def lead(part: Any) -> Any:
        if isinstance(part, dict):
            there = part.get("reference")
            moved = {"reference": f"{types[there]}/55"} if isinstance(there, str) and there in types else {}
            return {name: lead(value) for name, value in part.items()} | moved
        return [lead(item) for item in part] if isinstance(part, list) else part

    return {name: lead(part) for name, part in resource.items() if name != "contained"}


def move_attachments(part: Any, _: random.Random) -> Any:
    """Attachments behind a URL."""
    if isinstance(part, dict):
        made = {name: move_attachments(value, _) for name, value in part.items()}
        if made.pop("data", None) is not None:
            made["url"] = "Binary/5"
        return made
    return [move_attachments(item, _) for item in part] if isinstance(part, list) else part


def space_words(part: Any, _: random.Random, name: str = "") -> Any:
    """A line break after a note or an instruction."""
    if isinstance(part, dict):
        return {key: space_words(value, _, key) for key, value in part.items()}
    if isinstance(part, list):
        return [space_words(item, _, name) for item in part]
    return f"{part}\n" if name in {"text", "patientInstruction", "description"} else part


def lead_from_root(part: Any, _: random.Random) -> Any:
    """Absolute references, some with a version."""
    if isinstance(part, dict):
        there = part.get("reference")
        whole = isinstance(there, str) and not there.startswith("#")
        moved = {"reference": f"https://ehr.example/fhir/{there}/_history/2"} if whole else {}
        return {name: lead_from_root(value, _) for name, value in part.items()} | moved
    return [lead_from_root(item, _) for item in part] if isinstance(part, list) else part
