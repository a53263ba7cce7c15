"""The layout of pillar that docs/rules.md describes: a common file, and one for each gateway."""

import re
import textwrap
from pathlib import Path

import pytest
import salt.pillar

DOCS = Path(__file__).resolve().parents[2] / "docs" / "rules.md"


@pytest.fixture
def pillar(minion, tmp_path):
    """Compile the pillar of a gateway from the files that the page shows."""
    blocks = re.findall(r"    # pillar/(\S+)\n((?:    [^#].*\n|\n)+)", DOCS.read_text())
    for path, text in blocks:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(textwrap.dedent(text))
    assert len(blocks) == 3

    def pillar(gateway):
        opts = {**minion.functions.opts, "pillar_roots": {"base": [str(tmp_path)]}, "pillar": {}}
        compiled = salt.pillar.Pillar(opts, opts["grains"], gateway, "base").compile_pillar()
        assert "_errors" not in compiled
        return compiled["ftpgw"]["rules"]["ftp"]

    return pillar


def test_what_all_share_and_what_one_has_add_up(minion, pillar, tmp_path):
    lists = minion.root / "ftpgw-sites"
    lists.mkdir()
    (lists / "partners.txt").write_text("198.51.100.0/24\n")
    name = str(tmp_path / "rules" / "ftp.cdb")
    verdicts = {}
    for gateway in ("gw1", "gw2"):
        done = minion.apply("tcprules.managed", name=name, settings=pillar(gateway))
        assert done["result"] is True, done["comment"]
        for address in ("203.0.113.10", "198.51.100.1", "198.51.100.7", "9.9.9.9"):
            answer = minion.functions["tcprules.check"](name, address)
            verdicts.setdefault(address, []).append((answer["verdict"], answer["site"]))
    assert verdicts == {
        "203.0.113.10": [("allow", "head-office")] * 2,
        "198.51.100.1": [("allow", "partners")] * 2,
        "198.51.100.7": [("deny", "partners"), ("allow", "partners")],
        "9.9.9.9": [("allow", "acme"), ("deny", "default")],
    }
