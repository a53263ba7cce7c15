"""
Every command that a page tells people to type runs in a test, or the page says that none runs it.

What is typed for a gateway is run here, word for word, in this process. What else stands on the
pages is found in .ci/run, or in the test that is named below; CONTRIBUTING.md lists what is left.
"""

import contextlib
import pathlib
import re
import shlex
import subprocess

import gateway as gw
import printed
import pytest
import salt._logging
import salt.config
import salt.loader
import salt.pillar
import salt.utils.args
from clients import PARTNER

# Otherwise Salt keeps what is logged, to tell it when there is nobody left to hear.
salt._logging.shutdown_temp_handler()
REPOSITORY = pathlib.Path(__file__).parents[2]
PAGES = ["README", "CONTRIBUTING", "release/README"]
PAGES += sorted(f"docs/{path.stem}" for path in REPOSITORY.glob("docs/*.md"))
# In a block of code, up to what it is for.
TYPED = re.compile(r"^    (?:\$ )?((?:salt|salt-run|salt-call|make|pip|git) .*?)(?:   *.*)?$", re.M)
ON_A_GATEWAY = re.compile(r"(?:salt (?:gw1|'\*'|'gw\*')|salt-call(?: --local)?) (.*)")
# These print what stands there, too.
RECIPES = (REPOSITORY / "docs/operations.md").read_text().partition("# Recipes of the day")[2]
ELSEWHERE = {
    "make dist": "test/functional/test_dist.py",
    "make docs/demo.svg": "test/unit/test_recording.py",
    'make test SALT=3006 TESTS="test/unit test/functional"': ".ci/run",
    "make test TESTS=test/unit": ".ci/run",
    "pip install saltext_daemontools-*.whl": "test/functional/test_dist.py",
    "salt gw1 state.apply ftpgw.clean": "test/integration/test_gateway.py",
    "salt gw1 ftpgw.end 9.9.9.9": "test/integration/test_sessions.py",
    "salt gw1 ftpgw.unban 9.9.9.9": "test/integration/test_limits.py",
    "salt-call --local ftpgw.password partner": "test/integration/test_account_limits.py",
    "salt 'gw*' beacons.add daemontools "
    "'[{interval: 5}, {settle: 10}, {disable_during_state_run: true}]'": (
        "test/integration/test_fleet.py"
    ),
    "salt 'gw*' beacons.save": "test/integration/test_fleet.py",
    "salt-run ftpgw.report 'gw*' out=/root/fleet.html since=12h drift=True": (
        "test/integration/test_rollout.py"
    ),
    "salt-run ftpgw.report out=/root/fleet.html": "test/integration/test_rollout.py",
    "salt-run ftpgw.rollout 'gw*' canaries='[gw3, gw1]' wave=10%": (
        "test/integration/test_rollout.py"
    ),
    "salt-run state.orch ftpgw.rollout "
    """pillar='{rollout: {tgt: "gw*", canaries: [gw3, gw1], wave: 10%}}'""": (
        "test/integration/test_rollout.py"
    ),
    "salt-run saltutil.sync_output": "test/sandbox/fleet.py",
    "salt-run saltutil.sync_runners": "test/sandbox/fleet.py",
}
TABLE = (REPOSITORY / "CONTRIBUTING.md").read_text().partition("| not run | because |\n")[2]
NOT_RUN = re.findall(r"^\| `(.+?)` \| .{10,} \|$", TABLE, re.MULTILINE)


def commands():
    """Return every command of the pages, in their order, each once."""
    texts = [(REPOSITORY / f"{page}.md").read_text() for page in PAGES]
    return list(dict.fromkeys(line for text in texts for line in TYPED.findall(text)))


KNOWN = {*ELSEWHERE, *NOT_RUN, *TYPED.findall(RECIPES)}
KNOWN |= set((REPOSITORY / ".ci/run").read_text().splitlines())
HERE = [line for line in commands() if ON_A_GATEWAY.fullmatch(line) and line not in KNOWN]


def test_every_command_runs_or_is_said_not_to():
    assert set(commands()) - KNOWN == set(HERE)
    assert len(HERE) > 40


def test_nothing_is_said_of_a_command_that_no_page_has():
    assert {*ELSEWHERE, *NOT_RUN} <= set(commands())
    assert all((REPOSITORY / path).exists() for path in ELSEWHERE.values())


@pytest.fixture(scope="module")
def scene(gateway):
    """A gateway as the pages mean it: with a past, a session, a program, and a file beside."""
    hello = pathlib.Path("/usr/local/bin/hello")
    hello.write_text("#!/bin/sh\nexec sleep 1000\n")
    hello.chmod(0o755)
    pathlib.Path("/root/ftp.rules").write_text("9.9.9.:allow\n:deny\n")
    before = gw.PILLAR.read_text()
    with gw.pillar() as ftpgw:
        ftpgw["rules"]["ftp"]["sites"]["other"] = {"allow": ["8.8.8.8"]}
    gateway.apply("ftpgw.rules")
    gw.PILLAR.write_text(before)
    gateway.apply("ftpgw.rules")
    with contextlib.closing(PARTNER.session()):
        yield
    gateway.call("daemontools.apply", "hello", "{state: absent}")
    gateway.call("tcprules.release", "ftp")
    gateway.apply()


@pytest.fixture(scope="module")
def typed(scene):
    """Run what follows `salt gw1`, and return the answer."""
    opts = salt.config.minion_config("/etc/salt/minion")
    opts["file_client"] = "local"
    opts["grains"] = salt.loader.grains(opts)

    def run(words):
        pillar = salt.pillar.get_pillar(opts, opts["grains"], opts["id"]).compile_pillar()
        functions = salt.loader.minion_mods({**opts, "pillar": pillar}, context={})
        name, *given = [word for word in words if not word.startswith("--")]
        arguments, settings = salt.utils.args.parse_input(given, condition=False)
        return functions[name](*arguments, **settings)

    return run


@pytest.mark.parametrize("command", HERE)
def test_what_is_typed_for_a_gateway_works(typed, command):
    asked, _, _ = ON_A_GATEWAY.fullmatch(command)[1].partition(" || ")
    words = shlex.split(asked.replace("...", "{lan: {allow: [9.9.9.9]}}"))
    if words[0] == "state.apply":
        done = gw.salt_call(*words)
        assert done.returncode == 0, done.stdout
    else:
        assert typed(words) is not None


def test_a_repository_of_pillar_checks_itself_without_root(tmp_path):
    """As docs/settings.md says, where nothing but a folder can be written; the clone is this."""
    [block] = [
        block
        for block in printed.blocks((REPOSITORY / "docs/settings.md").read_text())
        if block.startswith("pip install salt && ")
    ]
    (tmp_path / "ftpgw").symlink_to(REPOSITORY)
    (tmp_path / "gw1.sls").write_text((REPOSITORY / "pillar.example").read_text())
    _, recipe = block.split("\n", 1)
    closed = "for folder in etc run srv var; do mount --bind -o ro /$folder /$folder; done\n"
    command = ["unshare", "--mount", "sh", "-ec", f"{closed}{recipe}"]
    for given, lines in (("int_if", 0), ("int_iff", 2)):
        text = (tmp_path / "gw1.sls").read_text().replace("int_if", given)
        (tmp_path / "gw1.sls").write_text(text)
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == bool(lines), done.stderr
        assert done.stdout.startswith("local:\n"), done.stderr
        assert done.stdout.count("- ftpgw:network: ") == lines
