"""Where sshd is told whom it denies, and where somebody else has told it otherwise."""

import _sshd
import pytest

INCLUDE = "Include {}/sshd_config.d/*.conf\n"
GROUPS = ["ftpgw", "left"]
LINE = "DenyGroups ftpgw left\n"


@pytest.fixture
def main(tmp_path):
    """A sshd_config and a directory beside it."""
    (tmp_path / "sshd_config.d").mkdir()
    file = tmp_path / "sshd_config"
    file.write_text("UsePAM yes\n")
    return file


def apply(main, groups):
    """Put what is planned in place."""
    for path, (_, new) in _sshd.plan(str(main), groups).items():
        file = main.parent / path
        file.unlink(missing_ok=True)
        if new is not None:
            file.write_text(new)


@pytest.mark.parametrize("include", [INCLUDE, "include = {}/sshd_config.d/*.conf # ours\n"])
def test_a_directory_that_is_included_gets_a_file_of_our_own(main, include):
    """And the main file stays as it is; taken away, nothing is left."""
    main.write_text(before := include.format(main.parent) + "UsePAM yes\n")
    apply(main, GROUPS)
    assert (main.parent / "sshd_config.d/ftpgw.conf").read_text() == LINE
    assert main.read_text() == before
    apply(main, [])
    assert list((main.parent / "sshd_config.d").iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ["UsePAM yes\n", "#{include}", "Match User x\n{include}", "Include /elsewhere/*.conf\n"],
)
def test_else_our_line_is_the_first_of_the_main_file(main, text):
    """Where a Match of others does not reach."""
    main.write_text(text.format(include=INCLUDE.format(main.parent)))
    before = main.read_text()
    apply(main, GROUPS)
    assert main.read_text().splitlines()[1] == LINE.strip()
    assert main.read_text().endswith(before)
    assert list((main.parent / "sshd_config.d").iterdir()) == []
    apply(main, [])
    assert main.read_text() == before


def test_without_the_directory_it_is_not_included(main):
    (main.parent / "sshd_config.d").rmdir()
    main.write_text(INCLUDE.format(main.parent))
    apply(main, GROUPS)
    assert LINE in main.read_text()


def test_the_line_moves_with_the_include(main):
    """What was written before somebody included the directory goes."""
    apply(main, GROUPS)
    main.write_text(INCLUDE.format(main.parent) + main.read_text())
    apply(main, GROUPS)
    assert main.read_text() == INCLUDE.format(main.parent) + "UsePAM yes\n"


def test_sshd_judges_one_text_that_means_the_plan(main):
    main.write_text(INCLUDE.format(main.parent))
    plan = _sshd.plan(str(main), GROUPS)
    assert _sshd.whole(plan, str(main)) == LINE + main.read_text()


EXCEPTIONS = [
    ("DenyGroups staff\nAllowGroups users\n", None),
    ("Match User x\n  PasswordAuthentication no\n", None),
    ("Match User x\n  denygroups staff\n", "User x"),
    ("Match User x\n  DenyGroups left ftpgw staff\n", None),
    ("Match User x\n  DenyGroups ftpgw\n", "User x"),
    ('Match Address "9.9.9.0/24"\nDenyGroups=staff\nMatch all\n', "Address 9.9.9.0/24"),
]


@pytest.mark.parametrize(("text", "match"), EXCEPTIONS)
@pytest.mark.parametrize("included", [False, True])
def test_below_a_match_other_groups_take_the_place_of_ours(main, text, match, included):
    """In an included file as well."""
    file = main.parent / "sshd_config.d/other.conf" if included else main
    main.write_text(INCLUDE.format(main.parent))
    file.write_text(text)
    found = [f"{file}: Match {match}"] if match else []
    assert _sshd.exceptions(str(main), GROUPS) == found
