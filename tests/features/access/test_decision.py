"""The one decision, as a table."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudconnect.features.access import rules
from cloudconnect.features.access.models import Grant
from cloudconnect.kernel.principal import APPLIANCE, Principal, PrincipalKind, Scope
from cloudconnect.ports.access import Action, Resource, Role, Verdict

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LINE = Resource("spc_1", ("root", "folder", "file"))
ADA = Principal("usr_a", PrincipalKind.PERSON, "ada")
READER = Principal("usr_a", PrincipalKind.PROGRAM, "ada", scopes=frozenset({Scope.FILES_READ}))


@pytest.mark.parametrize(
    ("principal", "action", "grants", "verdict", "reason"),
    [
        pytest.param(ADA, Action.READ, [], Verdict.DENY, "unseen", id="no grant"),
        pytest.param(ADA, Action.READ, [Grant("other", Role.OWN, None)], Verdict.DENY, "unseen", id="grant elsewhere"),
        pytest.param(ADA, Action.READ, [Grant("folder", Role.VIEW, None)], Verdict.ALLOW, "grant", id="grant above"),
        pytest.param(ADA, Action.WRITE, [Grant("root", Role.VIEW, None)], Verdict.DENY, "role", id="too weak"),
        pytest.param(ADA, Action.WRITE, [Grant("root", Role.EDIT, None)], Verdict.ALLOW, "grant", id="strong enough"),
        pytest.param(ADA, Action.SHARE, [Grant("root", Role.EDIT, None)], Verdict.DENY, "role", id="edit is no share"),
        pytest.param(ADA, Action.MANAGE, [Grant("root", Role.OWN, None)], Verdict.ALLOW, "grant", id="owner"),
        pytest.param(ADA, Action.READ, [Grant("root", Role.OWN, NOW)], Verdict.DENY, "unseen", id="ended just now"),
        pytest.param(READER, Action.WRITE, [Grant("root", Role.OWN, None)], Verdict.DENY, "scope", id="scope missing"),
        pytest.param(READER, Action.READ, [Grant("root", Role.OWN, None)], Verdict.ALLOW, "grant", id="scope there"),
        pytest.param(APPLIANCE, Action.MANAGE, [], Verdict.ALLOW, "appliance", id="the appliance itself"),
    ],
)
def test_a_decision_and_its_reason(principal, action, grants, verdict, reason):
    decision = rules.decide(principal, action, LINE, grants, NOW)
    assert (decision.verdict, decision.reason) == (verdict, reason)


GRANTS = st.lists(
    st.builds(
        Grant,
        node=st.sampled_from(["root", "folder", "file", "other"]),
        role=st.sampled_from(Role),
        expires=st.sampled_from([None, NOW - timedelta(days=1), NOW + timedelta(days=1)]),
    ),
    max_size=6,
)


@given(grants=GRANTS, more=GRANTS, action=st.sampled_from(Action))
def test_another_grant_never_takes_anything_away(grants, more, action):
    before = rules.decide(ADA, action, LINE, grants, NOW).verdict
    after = rules.decide(ADA, action, LINE, grants + more, NOW).verdict
    assert not (before is Verdict.ALLOW and after is not Verdict.ALLOW)


@given(grants=GRANTS, scopes=st.sets(st.sampled_from(Scope)), action=st.sampled_from(Action))
def test_a_credential_never_adds_power(grants, scopes, action):
    program = Principal("usr_a", PrincipalKind.PROGRAM, "ada", scopes=frozenset(scopes))
    if rules.decide(program, action, LINE, grants, NOW).verdict is Verdict.ALLOW:
        assert rules.decide(ADA, action, LINE, grants, NOW).verdict is Verdict.ALLOW
