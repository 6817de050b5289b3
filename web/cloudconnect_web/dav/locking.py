"""LOCK and UNLOCK (RFC 4918, sections 9.10 and 9.11)."""

from aiohttp import web

from cloudconnect.features.files import Lock, LockTerms
from cloudconnect.kernel.errors import TooLarge
from cloudconnect.kernel.text import N_
from cloudconnect_web.dav import answers
from cloudconnect_web.dav.asking import Ask
from cloudconnect_web.dav.headers import Depth, parse_depth, parse_lock_token, parse_timeout
from cloudconnect_web.dav.live import DAV, active_locks
from cloudconnect_web.dav.reading import Element, read_xml
from cloudconnect_web.dav.writing import DECLARED, to_xml
from cloudconnect_web.problems import BadRequest

DESCRIPTION_MOST_BYTES = 4_096


class LongOwner(TooLarge):
    """A client says too much of itself."""

    code = "web.dav-long-owner"
    title = N_("The owner of the lock is described at too great a length")


async def lock(ask: Ask) -> web.StreamResponse:
    """Take a lock, or with no body prolong the one whose token the If field shows."""
    depth = parse_depth(ask.request, Depth.ALL, Depth.ALL, Depth.ITSELF)
    body, life = await read_xml(ask.request), parse_timeout(ask.request)
    locks = ask.appliance.locks
    if body is None:
        terms = LockTerms(is_shared=False, is_deep=False, description="", life=life)
        prolonged = await locks.prolong(ask.principal, ask.space, ask.target.path, _shown_token(ask), terms)
        return _answer(ask, prolonged, 200)
    is_shared, description = _parse(body)
    terms = LockTerms(is_shared=is_shared, is_deep=depth is Depth.ALL, description=description, life=life)
    taken, is_made = await locks.lock(ask.principal, ask.space, ask.target.path, terms, ask.condition)
    answer = _answer(ask, taken, 201 if is_made else 200)
    answer.headers["Lock-Token"] = f"<{taken.token}>"
    return answer


async def unlock(ask: Ask) -> web.StreamResponse:
    """End the lock that the Lock-Token field names."""
    await ask.appliance.locks.unlock(ask.principal, ask.space, ask.target.path, parse_lock_token(ask.request))
    return web.Response(status=204)


def _answer(ask: Ask, held: Lock, status: int) -> web.Response:
    locks = active_locks(ask.target, [held], ask.appliance.clock.now())
    body = f"<d:prop {DECLARED}><d:lockdiscovery>{locks}</d:lockdiscovery></d:prop>"
    return answers.whole(body, status)


def _shown_token(ask: Ask) -> str:
    tokens = sorted(ask.principal.lock_tokens or ())
    if len(tokens) != 1:
        raise BadRequest(N_("The lock that shall live on is not named."), fix=N_("Send If: (<TOKEN>)."))
    return tokens[0]


def _parse(body: Element) -> tuple[bool, str]:
    """Return whether a shared lock is wanted, and what the client says of itself.

    Raises:
        BadRequest: the body is no lockinfo, or asks for a lock of another sort.
        LongOwner: the client says too much.
    """
    scope, sort = body.child(f"{DAV}lockscope"), body.child(f"{DAV}locktype")
    scopes = {each.name for each in scope.children} if scope is not None else set()
    is_write = sort is not None and sort.child(f"{DAV}write") is not None
    if body.name != f"{DAV}lockinfo" or not is_write or scopes not in ({f"{DAV}exclusive"}, {f"{DAV}shared"}):
        raise BadRequest(N_("The body is no lockinfo."), fix=N_("Ask for an exclusive or a shared write lock."))
    owner = body.child(f"{DAV}owner")
    description = "" if owner is None else to_xml(owner)
    if len(description.encode()) > DESCRIPTION_MOST_BYTES:
        raise LongOwner(fix=N_("Leave the owner out, or give a name alone."))
    return f"{DAV}shared" in scopes, description
