"""One WebDAV request, and what must hold before it is done."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aiohttp import web

from cloudconnect.assembly import Appliance
from cloudconnect.features.files import Condition, Detail, Sight
from cloudconnect.kernel.errors import NotFound, PreconditionFailed
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect_web.conditions import parse_condition
from cloudconnect_web.dav.address import Target, find_target, resolve_url
from cloudconnect_web.dav.conditions import Claim, Claims, parse_if, tokens_in
from cloudconnect_web.keys import APPLIANCE, PRINCIPAL
from cloudconnect_web.problems import BadRequest

_READING = frozenset({"GET", "HEAD"})
_LOOKING = _READING | {"OPTIONS", "PROPFIND"}
_NO_CONDITION = Condition()


class ClaimFailed(PreconditionFailed):
    """What the If field says does not hold."""

    code = "web.dav-claim-failed"
    title = N_("It is not as the request assumes")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: what it names, and who asks with which locks.

    ``condition`` is what the entry at the target must be when it is changed: whatever it is, if nothing was said.
    """

    request: web.Request
    target: Target
    principal: Principal
    condition: Condition

    @property
    def appliance(self) -> Appliance:
        """The appliance that answers."""
        return self.request.app[APPLIANCE]

    @property
    def space(self) -> str:
        """The space that the request names.

        Raises:
            NotFound: it names the list of spaces, in which nothing can be changed or opened.
        """
        if self.target.space is None:
            raise NotFound(N_("This is the list of spaces."), fix=N_("Name a space in it."))
        return self.target.space


async def take(request: web.Request) -> Ask:
    """Return what *request* asks, once all its conditions hold.

    Raises:
        BadRequest: a condition cannot be read, or the address has a fragment.
        ClaimFailed: one does not hold.
        NotFound: the space is not there, or not for this principal.
    """
    if "#" in request.raw_path:
        raise BadRequest(N_("The address has a fragment."), fix=N_("Send # as %23."))
    ask, pinned = await _claim(request, await find_target(request))
    condition = await _condition(ask, pinned)
    return ask if condition is _NO_CONDITION else replace(ask, condition=condition)


async def take_for(request: web.Request, target: Target) -> Ask:
    """Return what *request* asks of *target*, which it names otherwise than by its address, once its If field holds.

    Raises:
        BadRequest: the If field cannot be read.
        ClaimFailed: it does not hold.
        NotFound: the space is not there, or not for this principal.
    """
    ask, pinned = await _claim(request, target)
    if_match = None if pinned is None else frozenset({pinned})
    return replace(ask, condition=Condition(if_match=if_match, is_whatever=pinned is None))


async def _claim(request: web.Request, target: Target) -> tuple[Ask, str | None]:
    """Return what is asked of *target*, with the locks that are shown, and the entity tag that it must keep."""
    lists = parse_if(request.headers["If"]) if "If" in request.headers else []
    principal = request[PRINCIPAL]
    if request.method not in _READING:
        principal = replace(principal, lock_tokens=tokens_in(lists))
    ask = Ask(request, target, principal, _NO_CONDITION)
    return ask, await _check_lists(ask, lists) if lists else None


async def _condition(ask: Ask, pinned: str | None) -> Condition:
    """Return the condition of a change; that of a folder, whose state is below it, is looked at here."""
    if ask.request.method in _LOOKING:
        return _NO_CONDITION
    asked = parse_condition(ask.request)
    if asked == _NO_CONDITION:
        return Condition(is_whatever=True) if pinned is None else Condition(if_match=frozenset({pinned}))
    if ask.request.method == "PUT" or ask.target.space is None:
        return replace(asked, is_whatever=True)
    detail = (await _look(ask, ask.target)).detail
    is_there = detail is not None
    etags = {"*", detail.etag} if detail is not None else set()
    if asked.if_match is not None and not (is_there and etags & asked.if_match):
        raise ClaimFailed(N_("It is not the version you mean."), fix=N_("Look again and decide anew."))
    if asked.if_none_match is not None and etags & asked.if_none_match:
        raise ClaimFailed(N_("It is there already."), fix=N_("Look again and decide anew."))
    return _pinned(detail)


def _pinned(detail: Detail | None) -> Condition:
    if detail is None or detail.entry.is_folder:
        return Condition(is_whatever=True)
    return Condition(if_match=frozenset({detail.etag}))


async def _check_lists(ask: Ask, lists: Sequence[Claims]) -> str | None:
    """Return if one of *lists* holds: the entity tag of the target if a tag was asked for and must stay as it is.

    Raises:
        ClaimFailed: none holds.
    """
    sights: dict[str | None, Sight | None] = {}
    sight: Sight | None = None
    for each in lists:
        if each.url not in sights:
            target = ask.target if each.url is None else await resolve_url(ask.request, each.url)
            sights[each.url] = None if target is None else await _look(ask, target)
            if target is not None and (target.space, target.path) == (ask.target.space, ask.target.path):
                sight = sights[each.url]
    if not any(all(_holds(claim, sights[each.url]) for claim in each.claims) for each in lists):
        raise ClaimFailed(N_("No list in the If field holds."), fix=N_("Look again and decide anew."))
    has_etag = any(claim.etag is not None for each in lists for claim in each.claims)
    if not has_etag or sight is None or sight.detail is None or sight.detail.entry.is_folder:
        return None
    return sight.detail.etag


def _holds(claim: Claim, sight: Sight | None) -> bool:
    if claim.etag is not None:
        etag = None if sight is None or sight.detail is None else f'"{sight.detail.etag}"'
        is_true = claim.etag == etag
    else:
        is_true = sight is not None and any(lock.token == claim.token for lock in sight.locks)
    return is_true is not claim.is_negated


async def _look(ask: Ask, target: Target) -> Sight:
    if target.space is None:
        raise ClaimFailed(N_("This is the list of spaces."), fix=N_("Name a space in it."))
    return await ask.appliance.details.look(ask.principal, target.space, target.path)
