"""The modules about rules, joined as the loader joins them, but without a minion."""

from _modules import (
    addresslist,
    cidr,
    cidr6,
    ruleline,
    ruleset,
    ruleslint,
    rulestext,
    tcpcdb,
    tcpserver,
    verdicts,
)

MODULES = (
    addresslist,
    cidr,
    cidr6,
    ruleline,
    ruleset,
    ruleslint,
    rulestext,
    tcpcdb,
    tcpserver,
    verdicts,
)
FUNCTIONS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": function
    for module in MODULES
    for name, function in vars(module).items()
    if callable(function) and not name.startswith("_")
}

for joined in MODULES:
    joined.__salt__ = FUNCTIONS
