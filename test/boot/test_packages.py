"""What the packages of a gateway leave of the machine they come to."""

from polls import eventually

FILTER = {"nftables", "libedit2", "libjansson4", "libnftables1", "libnftnl11"}


def test_the_log_in_of_a_person_still_stands_in_the_journal(gw):
    gw.run("logger", "-t", "probe", "after the gateway came")
    read = ["journalctl", "--quiet", "-t", "probe"]
    eventually(lambda: "after the gateway came" in gw.run(*read).stdout)


def test_none_comes_that_is_only_recommended(gw):
    assert "ftp-proxy-doc" not in gw.packages()


def test_clean_leaves_no_package_that_came_with_ours(before, gw):
    gw.apply("ftpgw.clean")
    # The packet filter may have rules of others.
    assert gw.packages() - before <= FILTER
    assert before <= gw.packages()
