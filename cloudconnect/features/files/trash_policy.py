"""How long the trash keeps what was removed, and how much of a space it may hold: the words of a policy.

As for versions, a policy is a line for each group of files, and of several lines the first that fits counts::

    in /Tmp/**: keep 3d; at least 1h
    keep 30d; at least 1d; at most 20 % of the space

``keep`` says when things go by themselves. ``at least`` says how long nothing makes them go but a person: no quota, no
share and no full disk. ``at most`` is the share that the trash may take of the quota, or of the disk without one.
"""

import re
from dataclasses import dataclass
from typing import Final

from cloudconnect.features.files.errors import BadPolicy
from cloudconnect.features.files.models import Retention
from cloudconnect.features.files.retention import (
    LINES_MAX,
    LONGEST_MS,
    POLICY_MAX,
    SCOPE,
    SHARE,
    UNIT_MS,
    fits_glob,
)
from cloudconnect.kernel.text import N_

LEAST_MS: Final = UNIT_MS["d"]
"""For how long the trash keeps things whatever happens, where no policy says otherwise."""

_FOREVER: Final = "forever"
_TIME = re.compile(r"(keep|at\s+least)\s+(?:(\d{1,5})\s*([hdwmy])|forever)")


@dataclass(frozen=True, slots=True)
class Time:
    """A length of time as it is written; an amount of 0 with no unit is for ever."""

    amount: int
    unit: str

    @property
    def ms(self) -> int:
        """Return it in milliseconds."""
        return self.amount * UNIT_MS[self.unit] if self.unit else LONGEST_MS

    def __str__(self) -> str:
        """Return the words of the policy."""
        return f"{self.amount}{self.unit}" if self.unit else _FOREVER


@dataclass(frozen=True, slots=True)
class TrashRule:
    """What holds for the things whose former path ``scope`` fits, for all when it is empty; None says nothing."""

    scope: str = ""
    keep: Time | None = None
    least: Time | None = None
    percent: int | None = None

    def __str__(self) -> str:
        """Return the words of the policy."""
        clauses = [] if self.keep is None else [f"keep {self.keep}"]
        if self.least is not None:
            clauses.append(f"at least {self.least}")
        if self.percent is not None:
            clauses.append(f"at most {self.percent} % of the space")
        return f"in {self.scope}: {'; '.join(clauses)}" if self.scope else "; ".join(clauses)

    @property
    def least_ms(self) -> int:
        """For how long nothing but its time and a person takes a thing out of the trash, milliseconds."""
        if self.least is not None:
            return self.least.ms
        return LEAST_MS if self.keep is None else min(LEAST_MS, self.keep.ms)


@dataclass(frozen=True, slots=True)
class TrashPolicy:
    """The rules of one space, in order, and how long things stay that none of them says it of."""

    rules: tuple[TrashRule, ...]
    default_ms: int = LONGEST_MS

    def __str__(self) -> str:
        """Return the words of the policy, a line for each rule."""
        return "\n".join(map(str, self.rules))

    def rule_for(self, path: str) -> TrashRule:
        """Return the first rule that is for what was at *path*, or one that says nothing."""
        return next((rule for rule in self.rules if not rule.scope or fits_glob(rule.scope, path)), TrashRule())

    def keep_ms(self, rule: TrashRule) -> int:
        """Return for how long things stay that *rule* is for, milliseconds."""
        return self.default_ms if rule.keep is None else rule.keep.ms

    @property
    def soonest_ms(self) -> int:
        """The least age, milliseconds, at which anything may go by itself: what is younger need not be looked at."""
        ages = [min(rule.least_ms, self.keep_ms(rule)) for rule in self.rules]
        return min([*ages, LEAST_MS, self.default_ms])


def parse_trash_policy(text: str, default_ms: int = LONGEST_MS) -> TrashPolicy:
    """Return the policy that *text* says; things stay *default_ms* milliseconds where it does not say for how long.

    Raises:
        BadPolicy: some clause of it is not understood, or two contradict each other.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(text) > POLICY_MAX or len(lines) > LINES_MAX:
        raise BadPolicy(N_("The policy is too long."), fix=N_("Use fewer rules."))
    return TrashPolicy(tuple(map(_parse_rule, lines)), default_ms)


def trash_policy_of(retention: Retention, default_ms: int = LONGEST_MS) -> TrashPolicy:
    """Return what a space says of its trash, in words or as days; what neither says stays *default_ms* milliseconds."""
    days = retention.trash_days
    return parse_trash_policy(retention.trash or "", default_ms if days is None else days * UNIT_MS["d"])


def _parse_rule(line: str) -> TrashRule:
    scope, rest = "", line
    if found := SCOPE.fullmatch(line):
        scope, rest = found[1], found[2]
    times: dict[str, Time] = {}
    percent: int | None = None
    for clause in filter(None, map(str.strip, rest.split(";"))):
        if time := _TIME.fullmatch(clause):
            times[time[1].split()[-1]] = Time(int(time[2] or 0), time[3] or "")
        elif share := SHARE.fullmatch(clause):
            percent = int(share[1])
        else:
            raise _not_understood(clause)
    if (percent or 0) > 100 or not (times or percent is not None):  # noqa: PLR2004 - per cent
        raise _not_understood(line)
    rule = TrashRule(scope, times.get("keep"), times.get("least"), percent)
    _check(rule)
    return rule


def _check(rule: TrashRule) -> None:
    if rule.keep is not None and rule.least is not None and rule.least.ms > rule.keep.ms:
        raise BadPolicy(
            N_("“keep {keep}” lets things go before “at least {least}” is over."),
            fix=N_("Keep them longer, or for less at least."),
            keep=str(rule.keep),
            least=str(rule.least),
        )


def _not_understood(part: str) -> BadPolicy:
    return BadPolicy(
        N_("“{part}” is not understood."),
        fix=N_("Write it like: keep 30d; at least 1d; at most 20 % of the space"),
        part=part[:100],
    )
