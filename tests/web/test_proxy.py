"""What a reverse proxy says of the reader counts only if the proxy is trusted."""

import pytest

from cloudconnect.settings import BadSettings, load
from cloudconnect_web import middleware
from cloudconnect_web.keys import ADDRESS, SCHEME


class FakeRequest(dict):
    def __init__(self, remote, headers):
        super().__init__()
        self.remote = remote
        self.headers = headers


async def pass_through(request):
    return request


@pytest.mark.parametrize(
    ("remote", "said", "address", "scheme"),
    [
        pytest.param("10.0.0.1", "203.0.113.9", "203.0.113.9", "https", id="a trusted proxy"),
        pytest.param("10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9", "https", id="the last untrusted hop"),
        pytest.param("10.0.0.1", "nonsense", "10.0.0.1", "https", id="nonsense"),
        pytest.param("203.0.113.1", "1.1.1.1", None, None, id="somebody else"),
    ],
)
async def test_a_proxy_is_believed_when_it_is_trusted(tmp_path, remote, said, address, scheme):
    settings = load(environ={}, home=tmp_path, overrides={"server.trusted_proxies": "10.0.0.0/8"}).settings
    request = FakeRequest(remote, {"X-Forwarded-For": said, "X-Forwarded-Proto": "https"})
    seen = await middleware._forwarded(settings)(request, pass_through)
    assert (seen.get(ADDRESS), seen.get(SCHEME)) == (address, scheme)


def test_a_network_that_is_none_is_refused(tmp_path):
    with pytest.raises(BadSettings, match="no network"):
        load(environ={}, home=tmp_path, overrides={"server.trusted_proxies": "somewhere"})
