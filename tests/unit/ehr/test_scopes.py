import pytest

from service.ehr.scopes import Access, ScopeSyntax, not_granted

NEEDED = (Access("CarePlan", "crus"), Access("Patient", "rs"))


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        ("system/CarePlan.crus system/Patient.rs", {}),
        ("system/CarePlan.cruds system/Patient.rs openid", {}),
        ("system/*.cruds", {}),
        ("system/*.read system/*.write", {}),
        ("system/*.*", {}),
        ("system/*.rs system/CarePlan.c", {"CarePlan": "u"}),
        ("system/CarePlan.read system/Patient.read", {"CarePlan": "cu"}),
        ("system/CarePlan.write system/Patient.read", {"CarePlan": "rs"}),
        ("system/Patient.rs?_id=1 system/CarePlan.crus", {"Patient": "rs"}),
        ("patient/Patient.rs system/CarePlan.crus", {"Patient": "rs"}),
        ("", {"CarePlan": "crus", "Patient": "rs"}),
        ("system/Patient.sr", {"CarePlan": "crus", "Patient": "rs"}),
    ],
)
def test_what_was_not_granted_is_known_by_type_and_letter(granted, missing):
    assert {one.resource_type: one.letters for one in not_granted(NEEDED, granted)} == missing


def test_the_two_spellings_of_one_access():
    assert list(Access("Goal", "crus").scopes(ScopeSyntax.V2)) == ["system/Goal.crus"]
    assert list(Access("Goal", "crus").scopes(ScopeSyntax.V1)) == ["system/Goal.read", "system/Goal.write"]
    assert list(Access("Goal", "rs").scopes(ScopeSyntax.V1)) == ["system/Goal.read"]
