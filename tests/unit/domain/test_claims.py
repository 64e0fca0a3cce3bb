"""Whose a stay is: one hospital's, or nobody's with a reason; never two hospitals plan one stay."""

from hypothesis import given
from hypothesis import strategies as st

from service.domain.claims import SENTENCES, Belonging, StayFilter, Unclaimed, UnclaimedReason, claims

A = StayFilter(organizations=frozenset({"Organization/a"}))
B = StayFilter(organizations=frozenset({"Organization/b"}), locations=frozenset({"Location/b1"}))
BY_ORDER = StayFilter(order_performers=frozenset({"Organization/c"}))
FILTERS = {"a": A, "b": B, "c": BY_ORDER}

organizations = st.frozensets(st.sampled_from([f"Organization/{name}" for name in "abcd"]), max_size=3)
locations = st.frozensets(st.sampled_from([f"Location/{name}" for name in "abcd"]), max_size=3)
filters = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.builds(StayFilter, organizations=organizations, locations=locations, order_performers=organizations),
    max_size=4,
)
belongings = st.builds(
    Belonging,
    organizations=organizations,
    locations=locations,
    order_performers=organizations,
    complete=st.booleans(),
)


def of(*, organizations=(), locations=(), performers=(), complete=True):
    return Belonging(
        organizations=frozenset(organizations),
        locations=frozenset(locations),
        order_performers=frozenset(performers),
        complete=complete,
    )


def reason(stay):
    found = claims(stay, FILTERS)
    assert isinstance(found, Unclaimed)
    return found.reason


def test_a_stay_is_of_the_hospital_whose_organization_it_names():
    assert claims(of(organizations=["Organization/a", "Organization/system"]), FILTERS) == "a"
    assert claims(of(locations=["Location/b1"]), FILTERS) == "b"


def test_the_order_decides_only_where_the_stay_itself_says_nothing_of_a_hospital():
    assert claims(of(performers=["Organization/c"]), FILTERS) == "c"
    assert claims(of(organizations=["Organization/a"], performers=["Organization/c"]), FILTERS) == "a"
    assert claims(of(organizations=["Organization/other"], performers=["Organization/c"]), FILTERS) == "c"


def test_why_nobody_plans_a_stay_is_told():
    assert reason(of()) is UnclaimedReason.NAMES_NOTHING
    assert reason(of(organizations=["Organization/other"])) is UnclaimedReason.ANOTHER_ORGANIZATION
    assert reason(of(complete=False)) is UnclaimedReason.UNREADABLE
    assert reason(of(performers=["Organization/c"], complete=False)) is UnclaimedReason.UNREADABLE
    contested = of(organizations=["Organization/a"], locations=["Location/b1"])
    assert claims(contested, FILTERS) == Unclaimed(UnclaimedReason.CONTESTED, ("a", "b"))
    assert set(SENTENCES) == set(UnclaimedReason)


@given(belongings, filters)
def test_a_claim_is_of_a_tenant_whose_filter_names_the_stay_and_of_no_two(stay, its):
    found = claims(stay, its)
    if isinstance(found, str):
        mine = its[found]
        assert (
            mine.organizations & stay.organizations
            or mine.locations & stay.locations
            or mine.order_performers & stay.order_performers
        )
    elif found.reason is UnclaimedReason.CONTESTED:
        assert len(found.tenants) >= 2


@given(belongings, filters)
def test_the_order_of_the_file_does_not_matter(stay, its):
    assert claims(stay, its) == claims(stay, dict(reversed(its.items())))


@given(belongings, filters, st.data())
def test_who_reads_less_never_comes_to_another_hospital(stay, its, data):
    """Each hospital reads with rights of its own: what one may not read must not make two plan the stay."""
    less = Belonging(
        organizations=data.draw(st.frozensets(st.sampled_from(sorted(stay.organizations) or ["-"]))),
        locations=data.draw(st.frozensets(st.sampled_from(sorted(stay.locations) or ["-"]))),
        order_performers=stay.order_performers,
        complete=False,
    )
    planners = {found for read in (stay, less) if isinstance(found := claims(read, its), str)}
    assert len(planners) <= 1
