"""What travels with the application and with each request, by typed key."""

from aiohttp import web

from cloudconnect.assembly import Appliance
from cloudconnect.kernel.principal import Principal

APPLIANCE = web.AppKey("appliance", Appliance)
REQUEST_ID = web.RequestKey("request_id", str)
PRINCIPAL = web.RequestKey("principal", Principal)
TOKEN = web.RequestKey("token", str)
LANGUAGE = web.RequestKey("language", str)
ROUTE = web.RequestKey("route", str)
SCHEME = web.RequestKey("scheme", str)
CHALLENGE = web.RequestKey("challenge", str)
"""What a refusal to let somebody pass asks for, where that is not a bearer token."""
ADDRESS = web.RequestKey("address", str)
