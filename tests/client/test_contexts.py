"""What the client remembers of the appliances it has signed in to."""

from cloudconnect.client.target import Contexts, Target

URL = "https://files.example.org"


def test_what_a_device_is_known_by_outlives_the_session(tmp_path):
    path = tmp_path / "contexts.json"
    Contexts(path).add("home", Target(URL, "a token"), "a.mark")
    Contexts(path).remove("home")

    again = Contexts(path)

    assert (again.names, again.marks(URL), again.marks("https://other.example.org")) == ([], "a.mark", "")


def test_a_file_of_an_earlier_release_is_read(tmp_path):
    path = tmp_path / "contexts.json"
    path.write_text('{"current": "home", "contexts": {"home": {"url": "https://files.example.org", "token": "t"}}}')

    assert (Contexts(path).get("home").token, Contexts(path).marks(URL)) == ("t", "")
