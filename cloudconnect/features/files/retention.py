"""How long versions are kept: the words of a policy, and which versions it lets go.

A policy is a line for each group of files; of several lines the first that fits a path counts::

    in /Photos/**: keep all 7d, monthly forever
    keep all 24h, hourly 7d, daily 90d, weekly 1y; at most 20 % of the space; never *.qcow2

``all``, ``hourly``, ``daily``, ``weekly``, ``monthly`` and ``yearly`` say how many versions stay, and for how long
after a newer one took their place. ``never`` names files whose old versions are not kept at all.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import Final

from cloudconnect.features.files.errors import BadPolicy
from cloudconnect.kernel.text import N_

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
UNIT_MS: Final = {"h": _HOUR_MS, "d": _DAY_MS, "w": 7 * _DAY_MS, "m": 30 * _DAY_MS, "y": 365 * _DAY_MS}
_PERIODS: Final = {
    "all": 0,
    "hourly": _HOUR_MS,
    "daily": _DAY_MS,
    "weekly": 7 * _DAY_MS,
    "monthly": 30 * _DAY_MS,
    "yearly": 365 * _DAY_MS,
}
_FOREVER: Final = "forever"
LONGEST_MS: Final = 1 << 60
POLICY_MAX: Final = 4_000
LINES_MAX: Final = 100

SCOPE = re.compile(r"in\s+(/\S*)\s*:\s*(.*)", re.DOTALL)
_SPAN = re.compile(r"(all|hourly|daily|weekly|monthly|yearly)\s+(?:(\d{1,5})\s*([hdwmy])|forever)")
SHARE = re.compile(r"at\s+most\s+(\d{1,3})\s*%(?:\s+of\s+the\s+space)?")


@dataclass(frozen=True, slots=True)
class Span:
    """One version in each ``period`` is kept for so long after it was replaced, ``amount`` in units of ``unit``.

    An amount of 0 with no unit is for ever; the period ``all`` keeps each of them.
    """

    period: str
    amount: int
    unit: str

    @property
    def period_ms(self) -> int:
        """How long a period is, milliseconds; 0 for every version."""
        return _PERIODS[self.period]

    @property
    def keep_ms(self) -> int:
        """For how long they are kept, milliseconds."""
        return self.amount * UNIT_MS[self.unit] if self.unit else LONGEST_MS

    def __str__(self) -> str:
        """Return the words of the policy."""
        return f"{self.period} {self.amount}{self.unit}" if self.unit else f"{self.period} {_FOREVER}"


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for the files that ``scope`` fits, a glob over paths; for all when it is empty."""

    scope: str
    spans: tuple[Span, ...]
    percent: int | None
    never: tuple[str, ...]

    def __str__(self) -> str:
        """Return the words of the policy."""
        clauses = [f"keep {', '.join(map(str, self.spans))}"] if self.spans else []
        if self.percent is not None:
            clauses.append(f"at most {self.percent} % of the space")
        if self.never:
            clauses.append(f"never {', '.join(self.never)}")
        return f"in {self.scope}: {'; '.join(clauses)}" if self.scope else "; ".join(clauses)

    def fits(self, path: str) -> bool:
        """Tell whether the rule is for the file at *path*."""
        return not self.scope or fits_glob(self.scope, path)

    def spares(self, path: str) -> bool:
        """Tell whether old versions of the file at *path* are kept at all."""
        name = path.rpartition("/")[2]
        return not any(fits_glob(glob, path if glob.startswith("/") else name) for glob in self.never)


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one space, in order."""

    rules: tuple[Rule, ...]

    def __str__(self) -> str:
        """Return the words of the policy, a line for each rule."""
        return "\n".join(map(str, self.rules))

    def rule_for(self, path: str) -> Rule | None:
        """Return the first rule that is for the file at *path*; without one all its versions stay."""
        return next((rule for rule in self.rules if rule.fits(path)), None)


@dataclass(frozen=True, slots=True)
class OldVersion:
    """A version that is not what is there now: when it came, and when and as what another took its place."""

    seq: int
    replaced_seq: int
    created_ms: int
    replaced_ms: int
    size: int


def parse_policy(text: str) -> Policy:
    """Return the policy that *text* says; empty text keeps everything.

    Raises:
        BadPolicy: some clause of it is not understood.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(text) > POLICY_MAX or len(lines) > LINES_MAX:
        raise BadPolicy(N_("The policy is too long."), fix=N_("Use fewer rules."))
    return Policy(tuple(map(_parse_rule, lines)))


def fits_glob(glob: str, path: str) -> bool:
    """Tell whether *path* is what *glob* means: two stars cross folders, one and a question mark stay in a name."""
    parts = (translate(part)[4:-3].replace(".*", "[^/]*") for part in glob.split("**"))
    return re.fullmatch(f"(?s:{'.*'.join(parts)})", path) is not None


def find_prunable(rule: Rule, path: str, versions: Sequence[OldVersion], now_ms: int) -> list[OldVersion]:
    """Return those of the *versions* of the file at *path* that *rule* lets go, oldest first; shares aside."""
    newest_first = sorted(versions, key=lambda version: -version.seq)
    if not rule.spares(path):
        return newest_first[::-1]
    if not rule.spans:
        return []
    kept: set[int] = set()
    for span in rule.spans:
        kept |= _kept_by(span, newest_first, now_ms)
    return [version for version in reversed(newest_first) if version.seq not in kept]


def _kept_by(span: Span, newest_first: Sequence[OldVersion], now_ms: int) -> set[int]:
    kept: set[int] = set()
    periods: set[int] = set()
    for version in newest_first:
        if now_ms - version.replaced_ms > span.keep_ms:
            continue
        period = version.created_ms // span.period_ms if span.period_ms else version.seq
        if period not in periods:
            periods.add(period)
            kept.add(version.seq)
    return kept


def _parse_rule(line: str) -> Rule:
    scope, rest = "", line
    if found := SCOPE.fullmatch(line):
        scope, rest = found[1], found[2]
    spans: tuple[Span, ...] = ()
    percent: int | None = None
    never: tuple[str, ...] = ()
    for clause in filter(None, map(str.strip, rest.split(";"))):
        if clause.startswith("keep "):
            spans = tuple(_parse_spans(clause.removeprefix("keep ")))
        elif share := SHARE.fullmatch(clause):
            percent = int(share[1])
        elif clause.startswith("never "):
            never = tuple(filter(None, map(str.strip, clause.removeprefix("never ").split(","))))
        else:
            raise _not_understood(clause)
    if (percent or 0) > 100 or not (spans or never or percent is not None):  # noqa: PLR2004 - per cent
        raise _not_understood(line)
    return Rule(scope, spans, percent, never)


def _parse_spans(text: str) -> Iterator[Span]:
    for part in map(str.strip, text.split(",")):
        found = _SPAN.fullmatch(part)
        if found is None:
            raise _not_understood(part)
        yield Span(found[1], int(found[2] or 0), found[3] or "")


def _not_understood(part: str) -> BadPolicy:
    return BadPolicy(
        N_("“{part}” is not understood."),
        fix=N_(
            "Write it like: keep all 24h, hourly 7d, daily 90d, weekly 1y; at most 20 % of the space; never *.qcow2"
        ),
        part=part[:100],
    )
