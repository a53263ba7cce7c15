"""The pillar of docs/example-fleet: what it says of each gateway, and of a thousand of them."""

import json
import shutil
from pathlib import Path

import pytest
import salt.pillar
import salt.utils.yaml
import yaml

EXAMPLE = Path(__file__).resolve().parents[2] / "docs/example-fleet"
REGIONS = {"gw1": "north", "gw2": "north", "gw3": "south"}
SIZE, COMPILED = 1000, 5


class Tree:
    """A copy of the tree, and what a master makes of it."""

    def __init__(self, root, minion):
        self.root, self.minion = root, minion
        shutil.copytree(EXAMPLE / "pillar", root / "pillar")
        shutil.copytree(EXAMPLE / "states/lists", minion.root / "lists", dirs_exist_ok=True)

    def add(self, one, number):
        """Give one more gateway its file: an address list as no other one has it."""
        sites = {"lan": {"allow": [f"10.{number // 250}.{number % 250}.0/24"]}}
        own = {"services": {"ftp-proxy": {"state": "absent"}}, "rules": {"ftp": {"sites": sites}}}
        path = self.root / f"pillar/ftpgw/gateways/{one}.sls"
        path.write_text(yaml.safe_dump({"ftpgw": own}))

    def pillar(self, one, region):
        """Return the pillar of a gateway, as its master compiles it."""
        grains = {**self.minion.functions.opts["grains"], "id": one, "region": region}
        roots = {"pillar_roots": {"base": [str(self.root / "pillar")]}, "pillar": {}}
        opts = {**self.minion.functions.opts, **roots}
        compiled = salt.pillar.Pillar(opts, grains, one, "base").compile_pillar()
        assert "_errors" not in compiled, compiled["_errors"]
        return compiled["ftpgw"]

    def problems(self, pillar):
        """Return what is wrong with a pillar, for a Debian."""
        file = self.root / "judged.sls"
        file.write_text(salt.utils.yaml.safe_dump({"ftpgw": pillar}))
        return self.minion.functions["ftpgw.problems"](pillar=str(file), system="Debian 12")

    def digest(self, rules):
        """Return what rules mean; their lists are read where they are, not fetched each time."""
        there = json.dumps(rules, default=str).replace("salt://", f"{self.minion.root}/")
        text = self.minion.functions["tcprules.render"]("ftp", json.loads(there))
        return self.minion.functions["tcprules.digest"](text.splitlines())


@pytest.fixture
def tree(minion, tmp_path):
    return Tree(tmp_path, minion)


def test_every_gateway_of_the_example_makes_sense(tree):
    digests = set()
    for one, region in REGIONS.items():
        pillar = tree.pillar(one, region)
        assert tree.problems(pillar) == []
        digests.add(tree.digest(pillar["rules"]["ftp"]))
    assert len(digests) == len(REGIONS)
    files = {path.stem for path in (EXAMPLE / "pillar/ftpgw/gateways").iterdir()}
    assert files == set(REGIONS)


@pytest.mark.parametrize(
    ("one", "admitted", "denied"),
    [
        ("gw1", ["9.9.9.9", "198.51.100.7", "192.168.11.1"], ["9.9.9.13", "9.20.0.1"]),
        ("gw2", ["9.10.0.1", "192.168.12.1"], ["9.9.9.9", "192.168.11.1"]),
        ("gw3", ["9.20.0.1", "203.0.113.200"], ["198.51.100.7", "9.9.9.9", "9.10.0.1"]),
    ],
)
def test_each_admits_whom_its_files_name(tree, minion, tmp_path, one, admitted, denied):
    """Its own, those of its region, and those of all, with what it or its region takes away."""
    rules = tree.pillar(one, REGIONS[one])["rules"]["ftp"]
    name = str(tmp_path / "rules/ftp.cdb")
    done = minion.apply("tcprules.managed", name=name, settings=rules)
    assert done["result"] is True, done["comment"]
    said = {
        address: minion.functions["tcprules.check"](name, address)["verdict"]
        for address in [*admitted, *denied]
    }
    assert said == {**dict.fromkeys(admitted, "allow"), **dict.fromkeys(denied, "deny")}


def test_secrets_stand_apart_and_no_grain_opens_them(tree):
    """A minion may say of itself what it likes."""
    for path in (EXAMPLE / "pillar/ftpgw").rglob("*.sls"):
        assert "password" not in path.read_text()
    top = yaml.safe_load((EXAMPLE / "pillar/top.sls").read_text().replace("{{ opts.id }}", "x"))
    for target, named in top["base"].items():
        by_grain = {"match": "grain"} in named
        assert not (by_grain and any("secrets" in str(each) for each in named)), target
    stranger = {**tree.minion.functions.opts["grains"], "id": "gw1", "region": "north"}
    roots = {"pillar_roots": {"base": [str(tree.root / "pillar")]}, "pillar": {}}
    opts = {**tree.minion.functions.opts, **roots}
    found = salt.pillar.Pillar(opts, stranger, "stranger", "base").compile_pillar()["ftpgw"]
    assert "accounts" not in found
    assert "lan" not in found["rules"]["ftp"]["sites"]


def test_a_thousand_gateways_have_rules_of_their_own_and_no_more_pillar_than_one(tree):
    """A few are compiled as a master does it; the others differ from these by their file alone."""
    small = tree.pillar("gw1", "north")
    for number in range(SIZE):
        tree.add(f"gw{number + 4}", number)
    assert tree.pillar("gw1", "north") == small
    step = SIZE // COMPILED
    digests = set()
    for number in range(0, SIZE, step):
        pillar = tree.pillar(f"gw{number + 4}", "south")
        assert tree.problems(pillar) == []
        sites = pillar["rules"]["ftp"]["sites"]
        for other in range(number, number + step):
            path = tree.root / f"pillar/ftpgw/gateways/gw{other + 4}.sls"
            own = yaml.safe_load(path.read_text())["ftpgw"]["rules"]["ftp"]["sites"]
            digests.add(tree.digest({**pillar["rules"]["ftp"], "sites": {**sites, **own}}))
    assert len(digests) == SIZE
