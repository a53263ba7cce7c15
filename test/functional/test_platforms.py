"""One pillar, eight systems: what Salt's own renderer makes of the formula with their grains.

The expected answers are in test/data/platforms, to be read by people. Where a directory is missing,
the test writes it and fails: read it before it is committed.
"""

import json
import pathlib
import re
import subprocess

import _debs
import pytest
import salt.config
import salt.loader
import salt.state
import yaml

ROOT = pathlib.Path(__file__).parents[2]
GOLDEN = ROOT / "test/data/platforms"
SYSTEMS = {
    "openbsd-3.8": ("OpenBSD", "3.8"),
    "openbsd-4.4": ("OpenBSD", "4.4"),
    "openbsd-4.8": ("OpenBSD", "4.8"),
    "openbsd-7.6": ("OpenBSD", "7.6"),
    "freebsd-14.1": ("FreeBSD", "14.1"),
    "freebsd-15.0": ("FreeBSD", "15.0"),
    "debian-12": ("Debian", "12"),
    "debian-13": ("Debian", "13"),
}
# The values of the page.
PILLAR = {
    "accounts": {"partner": {"password": "$2b$10$" + "a" * 53}},
    "network": {
        "ext_if": "xl0",
        "int_if": "xl1",
        "int_ip": "192.168.0.254",
        "int_net": "192.168.0.0/24",
    },
    "rules": {
        "ftp": {
            "sites": {
                "loopback": {"allow": ["127.0.0.0/16"]},
                "lan": {"allow": ["192.168.0.0/24"]},
                "remote": {"allow": ["9.9.9.0/24"]},
            }
        }
    },
}
# Of a state: what names it, what has a file of its own, and what is only about speed.
ELSEWHERE = {"filter", "fun", "name", "order", "parallel", "settings", "state", "text"}


class System:
    """The formula on a system of which only the grains are there."""

    def __init__(self, root, os, release, manage="include"):
        files = root / "srv"
        files.mkdir()
        (files / "ftpgw").symlink_to(ROOT / "ftpgw")
        pillar = {"ftpgw": {**PILLAR, "firewall": {"manage": manage}}}
        opts = salt.config.minion_config(None)
        opts.update(
            cachedir=str(root / "cache"),
            extension_modules=str(root / "cache/extmods"),
            file_client="local",
            file_roots={"base": [str(files)]},
            fileserver_list_cache_time=0,
            id="gw1",
            module_dirs=[str(ROOT)],
            pillar=pillar,
            pillar_roots={"base": []},
            root_dir=str(root),
        )
        self.kernel = "Linux" if os == "Debian" else os
        system = {"os": os, "os_family": os, "osrelease": release, "kernel": self.kernel}
        sides = {"ip4_interfaces": {"xl0": [], "xl1": [PILLAR["network"]["int_ip"]]}}
        opts["grains"] = {**salt.loader.grains(opts), **system, **sides, "init": ""}
        self.functions = salt.loader.minion_mods(opts)
        # This machine may have a syslogd.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_debs, "_status", lambda folder: "")
            self.low = self._compile(opts, pillar)

    def _compile(self, opts, pillar):
        with salt.state.HighState(opts, pillar_override=pillar) as highstate:
            high, errors = highstate.render_highstate({"base": ["ftpgw"]})
            assert not errors
            chunks = highstate.state.compile_high_data(high)
            # Together with errors in some releases of Salt.
            return chunks[0] if isinstance(chunks, tuple) else chunks

    def chunks(self, state):
        """Return the states of one kind, for example ``firewall.loaded``."""
        return [chunk for chunk in self.low if f"{chunk['state']}.{chunk['fun']}" == state]

    def rendered(self):
        """Return all that differs between systems, as {path: text}."""
        return {"states.yaml": self.states(), **self.scripts(), **self.filter()}

    def states(self):
        """Return every state and its arguments, in order, without what has a file of its own."""
        plain = json.loads(json.dumps([self._state(chunk) for chunk in self.low]))
        return yaml.safe_dump(plain, sort_keys=False, width=110)

    def _state(self, chunk):
        keys = sorted(key for key in chunk.keys() - ELSEWHERE if not key.startswith("__"))
        arguments = {key: chunk[key] for key in keys}
        return {f"{chunk['state']}.{chunk['fun']} {chunk['name']}": arguments or None}

    def scripts(self):
        """Return the files of every service."""
        texts = {}
        for chunk in self.chunks("daemontools.declared"):
            files = self.functions["daemontools.files"](chunk["name"], chunk["settings"])
            texts.update({f"{chunk['name']}/{path}": f["text"] for path, f in files.items()})
        return texts

    def rules(self):
        """Return the text of every rule set."""
        render, settings = self.functions["tcprules.render"], self.functions["ftpgw.settings"]
        names = [chunk["name"] for chunk in self.chunks("tcprules.managed")]
        return {f"{name}.rules": render(name, settings("rules", name)) for name in names}

    def filter(self):
        """Return the rules for the packet filter."""
        return {
            chunk["name"].lstrip("/"): chunk["text"] for chunk in self.chunks("firewall.loaded")
        }


@pytest.fixture(scope="session")
def system(tmp_path_factory):
    """Compile the formula for a system, once."""
    made = {}

    def make(name, manage="include"):
        if (name, manage) not in made:
            root = tmp_path_factory.mktemp(name)
            made[name, manage] = System(root, *SYSTEMS[name], manage)
        return made[name, manage]

    return make


def agrees(directory, texts):
    """Compare with the golden files of a directory."""
    folder = GOLDEN / directory
    if not folder.exists():
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        raise AssertionError(f"{folder} was not there; read what has been written")
    paths = (path for path in folder.rglob("*") if path.is_file())
    assert texts == {str(path.relative_to(folder)): path.read_text() for path in paths}


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_rendering_is_what_a_person_has_read(system, name):
    """The states in order, the run scripts, and what the packet filter gets."""
    agrees(name, system(name).rendered())


@pytest.mark.parametrize("name", [name for name in SYSTEMS if "BSD" in SYSTEMS[name][0]])
def test_the_whole_pf_conf_is_what_a_person_has_read(system, name):
    """`manage: full` is the page's whole pf.conf, macros first."""
    agrees(f"{name}-full", system(name, "full").filter())


@pytest.mark.parametrize("name", [name for name in SYSTEMS if "BSD" in SYSTEMS[name][0]])
@pytest.mark.parametrize("manage", ["include", "full"])
def test_where_translation_is_apart_it_is_shown_too(system, name, manage):
    """Of our anchor, of the whole, and of the pf.conf that calls our anchor."""
    apart = name not in ("openbsd-4.8", "openbsd-7.6")
    gateway = system(name, manage)
    for chunk in gateway.chunks("firewall.loaded") + gateway.chunks("pf.called"):
        anchor = ["-a", "ftpgw"] if chunk["name"] == "/etc/pf.ftpgw.conf" else []
        shown = [["pfctl", *anchor, "-s", kind] for kind in ("nat", "rules")]
        assert chunk["filter"]["show"] == (shown if apart else shown[1])


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_run_script_is_sound(system, name):
    """sh and shellcheck have nothing to say about it."""
    for text in system(name).scripts().values():
        for judge in (["sh", "-n"], ["shellcheck", "-"]):
            subprocess.run(judge, input=text, text=True, check=True)


MAKES = ("file.managed", "file.directory", "cmd.run")


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("kind", MAKES)
def test_what_is_made_does_not_depend_on_the_umask_of_the_caller(system, name, kind):
    """Neither a file, nor a directory on the way, nor what a command starts."""
    for chunk in system(name).chunks(kind):
        said = {"umask"} if kind == "cmd.run" else {"mode", "user"}
        said |= {"dir_mode"} if chunk.get("makedirs") else set()
        assert said <= chunk.keys(), chunk["__id__"]


# The commands of the page, on the system that the page is about.
PAGE = {
    "open-ftpd/run": "exec softlimit -m 3500000 tcpserver -v -RH -l0 -c 29 "
    "-x /etc/tcprules/ftp.cdb 0 ftp /usr/libexec/ftpd -A -S -U -4",
    "open-ftpd/log/run": "exec setuidgid multilog multilog t /var/multilog/open-ftpd",
    "ftp-proxy/run": "exec softlimit -m 3500000 tcpserver -v -RH -l0 -c 91 127.0.0.1 8021 "
    "/usr/libexec/ftp-proxy -u ftpproxy -t 240",
    "ftp-proxy/log/run": "exec setuidgid multilog multilog t /var/multilog/ftp-proxy",
}


@pytest.mark.parametrize("path", PAGE)
def test_the_page_is_recognisable_in_the_run_scripts(system, path):
    """Token for token, the commands are those of 2004."""
    script = system("openbsd-3.8").scripts()[path]
    assert script[script.index("\nexec s") :].replace("\\\n", " ").split() == PAGE[path].split()


def test_the_page_is_recognisable_in_the_rules(system):
    """Three networks may connect, everybody else may not."""
    lines = system("openbsd-3.8").rules()["ftp.rules"].splitlines()
    rules = {line for line in lines if line and not line.startswith("#")}
    assert rules == {"127.0.:allow", "192.168.0.:allow", "9.9.9.:allow", ":deny"}


def test_the_page_is_recognisable_in_pf(system):
    """Macros first; and `no rdr` for the gateway itself before `rdr`, for the first match wins."""
    [text] = system("openbsd-3.8", "full").filter().values()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines[0] == 'ext_if = "xl0"'
    exception = lines.index("no rdr on $int_if proto tcp from any to $int_ip port 21")
    redirect = lines.index(
        "rdr on $int_if proto tcp from any to any port 21 -> 127.0.0.1 port 8021"
    )
    assert exception < redirect


@pytest.mark.parametrize("name", ["openbsd-4.8", "openbsd-7.6"])
@pytest.mark.parametrize("manage", ["include", "full"])
def test_the_gateway_itself_is_excepted_before_the_proxy(system, name, manage):
    """Without parentheses, `self` would be a list of addresses and its negation always true."""
    [text] = system(name, manage).filter().values()
    proxy = text.index("to any port ftp " + ("divert-to" if name == "openbsd-7.6" else "rdr-to"))
    assert text.index("to (self) port ftp") < proxy
    assert "! self" not in text


# Of 3.8 the page is kept, which knows two addresses.
PRESENT = ["openbsd-4.4", "openbsd-4.8", "openbsd-7.6", "freebsd-14.1", "freebsd-15.0"]


@pytest.mark.parametrize("name", PRESENT)
@pytest.mark.parametrize("manage", ["include", "full"])
def test_every_address_of_the_gateway_is_its_own_server(system, name, manage):
    """An alias, one of a third network, one that two gateways share: none goes to the proxy."""
    [text] = system(name, manage).filter().values()
    lines = text.splitlines()
    proxy = next(line for line in lines if "port 8021" in line)
    inside = [line for line in lines if line.startswith("pass in quick on $int_if")]
    excepted = [line for line in lines[: lines.index(proxy)] if " to (self) port " in line]
    assert excepted
    assert all("to (self) port" in line for line in inside if line != proxy)


@pytest.mark.parametrize("name", PRESENT)
@pytest.mark.parametrize("manage", ["include", "full"])
def test_active_data_leaves_from_the_address_that_the_client_asked(system, name, manage):
    """Also from the outside one, if that is what a client of the inside opened."""
    [text] = system(name, manage).filter().values()
    data = re.search("^pass out quick on .int_if .* port (20|ftp-data) to .*$", text, re.MULTILINE)
    assert "from (self) port" in data[0]


@pytest.mark.parametrize("name", PRESENT)
def test_a_whole_pf_conf_lets_the_gateway_reach_the_inside(system, name):
    """Its master may be there."""
    [text] = system(name, "full").filter().values()
    passed = {"pass out all keep state", "pass out on $int_if inet to $int_net"}
    assert passed & set(text.splitlines())
