"""Settings come from where people wrote them, and say what is wrong with those that are wrong."""

import dataclasses
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudconnect import settings
from cloudconnect.settings import BadSettings, Origin, load

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def write(home):
    """Writes the file of settings in the data directory."""

    def to(text):
        path = home / "config.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return to


@pytest.fixture
def problems(write, home):
    """What is wrong with a file of this text, without the file's own name."""

    def of(text, **environ):
        path = write(text)
        with pytest.raises(BadSettings) as refusal:
            load(home=home, environ=environ)
        return [each.removeprefix(str(path)) for each in refusal.value.problems]

    return of


def test_without_any_source_there_are_defaults(home):
    loaded = load(home=home, environ={})

    assert loaded.settings.server.listen == "127.0.0.1:8420"
    assert loaded.file is None
    assert {origin.source for origin in loaded.origins.values()} == {"default"}


def test_each_source_wins_over_the_one_before_and_leaves_its_name(home, write):
    path = write('[server]\nlisten = "1.1.1.1:1"\n\n[database]\nreaders = 2\n[sessions]\nidle_hours = 3\n')

    loaded = load(
        home=home,
        environ={"CLOUDCONNECT_LISTEN": "2.2.2.2:2", "CLOUDCONNECT_DATABASE_READERS": "7"},
        overrides={"server.listen": "3.3.3.3:3"},
    )

    assert loaded.origins["server.listen"] == Origin("3.3.3.3:3", "command line", "server.listen")
    assert loaded.origins["database.readers"] == Origin(7, "environment", "CLOUDCONNECT_DATABASE_READERS")
    assert loaded.origins["sessions.idle_hours"] == Origin(3, "file", f"{path}:7")
    assert loaded.origins["logging.level"] == Origin("info", "default", "")
    assert (loaded.settings.server.listen, loaded.settings.database.readers) == ("3.3.3.3:3", 7)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            '[server]\nlistn = "x"', ":2: there is no setting server.listn; do you mean server.listen?", id="key"
        ),
        pytest.param("[servr]", ":1: there is no section [servr]; do you mean server?", id="section"),
        pytest.param("[[server]]", ":1: server must be a section, written [server]", id="list of sections"),
        pytest.param("server = 1", ":1: server must be a section, written [server]", id="section as value"),
        pytest.param("readers = 1", ":1: readers stands outside any section; do you mean database.readers?", id="bare"),
        pytest.param("zzz = 1", ":1: zzz stands outside any section", id="bare and unknown"),
        pytest.param("[server]\nlisten = 1", ":2: server.listen must be a text in quotes", id="number for text"),
        pytest.param(
            "[server]\ninsecure_lan = 1", ":2: server.insecure_lan must be true or false", id="number for bool"
        ),
        pytest.param("[database]\nreaders = true", ":2: database.readers must be a whole number", id="bool for number"),
        pytest.param("[server]\nallowed_hosts = [1]", ":2: server.allowed_hosts must be a list of strs", id="list"),
        pytest.param("[database]\nreaders = 65", ":2: database.readers must lie between 1 and 64", id="range"),
        pytest.param(
            '[server]\nlisten = "localhost:65536"',
            ":2: server.listen cannot be “localhost:65536”. Address and port to listen on, HOST:PORT.",
            id="port",
        ),
        pytest.param("[server]\nlisten = ", ": this is not TOML: Invalid value (at end of document)", id="cut off"),
        pytest.param(
            '[server]\nlisten = "a:1\nx',
            ": this is not TOML: Illegal character '\\n' (at line 2, column 14)",
            id="quote",
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_line(problems, text, problem):
    assert problems(text) == [problem]


def test_everything_wrong_is_said_at_once(problems):
    found = problems("[database]\nreaders = 0\n[servr]\n", CLOUDCONNECT_DATABASE_READERS="many")

    assert found == [
        ":2: database.readers must lie between 1 and 64",
        ":3: there is no section [servr]; do you mean server?",
        "CLOUDCONNECT_DATABASE_READERS: database.readers must be a whole number",
    ]


def test_a_key_is_found_in_its_own_section(problems):
    assert problems('[keys]\nfile = "k"\n[sessions]\nidle_hours = 1\n[logging]\nlevel = "loud"\n')[0].startswith(":6: ")


@pytest.mark.parametrize(
    ("variable", "problem"),
    [
        ("CLOUDCONNECT_HOEM", "CLOUDCONNECT_HOEM: there is no such variable; do you mean CLOUDCONNECT_HOME?"),
        (
            "CLOUDCONNECT_SERVER_INSECURE_LAN",
            "CLOUDCONNECT_SERVER_INSECURE_LAN: server.insecure_lan must be true or false",
        ),
    ],
)
def test_what_is_wrong_in_the_environment_is_said_with_its_variable(problems, variable, problem):
    assert problems("", **{variable: "perhaps"}) == [problem]


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("TRUE", True), ("1", True), ("no", False), ("0", False)])
def test_a_variable_says_yes_in_several_ways(home, text, value):
    loaded = load(home=home, environ={"CLOUDCONNECT_SERVER_INSECURE_LAN": text})

    assert loaded.settings.server.insecure_lan is value


def test_a_variable_holds_a_list_with_commas(home):
    loaded = load(home=home, environ={"CLOUDCONNECT_SERVER_ALLOWED_HOSTS": "a.example, b.example,"})

    assert loaded.settings.server.allowed_hosts == ("a.example", "b.example")


@pytest.mark.parametrize(
    "make", [lambda path: path.mkdir(), lambda path: path.write_bytes(b"\xff\xfe"), lambda path: None]
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, make):
    path = tmp_path / "named.toml"
    make(path)

    with pytest.raises(BadSettings, match=r"named\.toml: cannot be read"):
        load(environ={"CLOUDCONNECT_HOME": str(tmp_path), "CLOUDCONNECT_CONFIG": str(path)})


def test_the_key_file_lies_beside_the_data_directory_and_never_inside(home):
    key_file = load(home=home, environ={}).settings.key_file

    assert key_file == home.with_name("data.key")
    assert not key_file.is_relative_to(home)


def test_the_service_managers_credential_is_the_key_file_unless_another_is_set(home, tmp_path, write):
    (tmp_path / "root.key").touch()
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}

    assert load(home=home, environ=environ).settings.key_file == tmp_path / "root.key"
    write('[keys]\nfile = "/elsewhere/key"')
    assert load(home=home, environ=environ).settings.key_file == Path("/elsewhere/key")


@pytest.mark.parametrize(
    ("user", "environ", "home"),
    [
        pytest.param(0, {"HOME": "/root"}, "/var/lib/cloudconnect", id="root"),
        pytest.param(1000, {"HOME": "/home/ann"}, "/home/ann/.local/share/cloudconnect", id="a person"),
        pytest.param(1000, {"HOME": "/home/ann", "XDG_DATA_HOME": "/data"}, "/data/cloudconnect", id="with XDG"),
        pytest.param(1000, {"HOME": "/home/ann", "CLOUDCONNECT_HOME": "/srv/cc"}, "/srv/cc", id="as named"),
    ],
)
def test_the_data_directory_lies_where_data_of_that_user_lie(monkeypatch, user, environ, home):
    monkeypatch.setattr(settings.loading.os, "geteuid", lambda: user)

    assert load(environ=environ).settings.home == Path(home)


def test_every_setting_explains_itself_and_an_unknown_one_names_the_nearest():
    keys = [f"{name}.{each.name}" for name, part in settings.SECTIONS.items() for each in dataclasses.fields(part)]

    assert all(settings.describe(key).endswith((".", "org")) for key in keys)
    with pytest.raises(BadSettings, match=r"do you mean sessions\.idle_hours\?"):
        settings.describe("sessions.idle_hour")


def test_the_example_shows_each_default_and_means_the_same_as_no_file(home, write):
    example = settings.render_example()
    shown = "\n".join(line.removeprefix("# ") if " = " in line else line for line in example.splitlines())
    write(shown)

    loaded = load(home=home, environ={})

    assert (ROOT / "config.example.toml").read_text(encoding="utf-8") == example
    top = {name: {} for name in settings.SECTIONS if "." not in name}
    assert tomllib.loads(example) == top | {"storage": {"s3": {}, "azure": {}}, "keys": {"kms": {}}}
    assert loaded.settings == load(home=home.with_name("data"), environ={}, config=None).settings
    assert {origin.source for origin in loaded.origins.values()} == {"file"}
    assert {key: origin.value for key, origin in loaded.origins.items()} == {
        f"{name}.{each.name}": each.default
        for name, part in settings.SECTIONS.items()
        for each in dataclasses.fields(part)
    }


def outcome(**sources):
    """The settings, or the words of the refusal."""
    try:
        return load(home=Path("/nowhere"), **sources)
    except BadSettings as refusal:
        return str(refusal)


@given(text=st.text(), key=st.sampled_from(["server.listen", "server.nothing", "nothing.at-all", ""]))
def test_any_override_is_taken_or_refused_by_name(text, key):
    found = outcome(environ={}, overrides={key: text})

    assert key in found if isinstance(found, str) else found.origins[key].value == text


@given(content=st.binary(max_size=200))
def test_any_file_is_read_or_refused_by_name(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("settings") / "c.toml"
    path.write_bytes(content)

    found = outcome(environ={}, config=path)

    assert str(path) in found if isinstance(found, str) else found.file == path


def test_a_section_inside_a_section_is_read_and_its_mistakes_are_named(home, write):
    write('[storage]\nbackend = "s3"\n[storage.s3]\nbucket = "packs"\n')
    assert load(home=home, environ={}).settings.storage_s3.bucket == "packs"
    assert load(home=home, environ={"CLOUDCONNECT_STORAGE_S3_BUCKET": "other"}).settings.storage_s3.bucket == "other"

    write("[storage.s3]\nbuckett = 1\n[storage.s4]\n")
    with pytest.raises(BadSettings) as refused:
        load(home=home, environ={})

    assert [problem.partition("config.toml")[2] for problem in refused.value.problems] == [
        ":2: there is no setting storage.s3.buckett; do you mean storage.s3.bucket?",
        ": there is no setting storage.s4; do you mean storage.threads?",
    ]
