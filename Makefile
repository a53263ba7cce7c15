# make demo    a gateway in a box, built from pillar.example and tried with real clients
# make test    every test, in the same box
# make boot    the gateway on a machine that boots, with systemd: reboots, power cuts, upgrades; seven minutes
# make page    the page of a fleet, and the site, in a browser; PICTURES=docs/pictures has it make those of README
# make lint    what a careful reader would say
# make docs    what is written from the code: settings, schema, README's picture, the version
# make dist    a release of this commit: tar, package of SPM, wheel of the modules, SHA256SUMS; in DIST
# make site    all pages for a browser, searchable, every link checked, nothing loaded from elsewhere; in SITE
# make bench   how fast, against what one would run instead: a few minutes (ROWS="status rules", JSON=file)
# make ready   what these need, all of it, side by side with -j 3; each of them brings what it needs itself
# make shell   a root shell on that gateway, to look around; leaving it throws the gateway away

SALT = 3008
# Another one must be on the PATH: `make test INTERPRETER=python3.13`.
INTERPRETER = python3
# Of Debian, for `make boot`: 12, as CI does, or 13, by hand or every night.
RELEASE = 12
# What is downloaded and built stays out of the clone: a file server would list all of it, and a package hold it.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ftpgw
# Two clones, and two runs at once, share what is made of the same list; nobody changes what another one uses.
KEY := $(shell cksum <requirements-dev.txt | cut -d' ' -f1)
ENVIRONMENT = $(CACHE)/salt-$(1)-$(INTERPRETER)-$(KEY)
VENV = $(call ENVIRONMENT,$(SALT))
# The oldest minion that the tests put under a master of $(SALT).
OLDEST = $(call ENVIRONMENT,3006)
PYTHON = $(VENV)/bin/python
# Needed by one file of tests alone.
CLEAN = $(if $(filter test test/functional test/functional/test_dist%,$(or $(TESTS),test)),$(VENV)/clean/ready)
SUDO = $(if $(filter-out 0,$(shell id -u)),sudo)
# Whoever finds another one at work waits; apt by itself does not, for the lists of packages.
APT = $(SUDO) flock $(CACHE)/apt.lock apt-get -qq -o DPkg::Lock::Timeout=600
BOX = $(SUDO) env CI=$(CI) ROOT=$(BOOT)/$(RELEASE) $(PYTHON) test/sandbox/box.py
PYTEST = $(BOX) $(PYTHON) -m pytest -p no:cacheprovider
APART = -n 4 --dist loadfile
# Each takes about as long as the integration tests that it leaves to the rest.
FIRST = $(patsubst %,test/integration/test_%.py,accounts health quota rollout ssh)
SECOND = $(patsubst %,test/integration/test_%.py,account_limits bad_days box gateway sessions upgrade uploads)
DEBS = $(CACHE)/debs
SOURCES = $(CACHE)/sources
TARBALL = $(CACHE)/daemontools-0.76.tar.gz
DIST = $(CACHE)/dist
SITE = $(CACHE)/site
PAGES = $(CACHE)/pages
BOOT := $(CACHE)/boot-$(SALT)-$(shell cksum <test/boot/root.py | cut -d' ' -f1)

# Used here, as clients, as judges and to build daemontools; none of them starts a daemon when it is installed.
TOOLS = curl daemontools e2fsprogs gcc git iproute2 lftp libc6-dev nftables openssl procps python3-dev python3-venv ucspi-tcp
# These make a machine that boots, and run it.
BOOTS = dpkg-dev mmdebstrap systemd-container
# Only downloaded here: Salt installs them on the gateway in the box, or in the place of vsftpd its other server.
GATEWAY = daemontools daemontools-run ftp-proxy libpam-pwdfile nftables openbsd-inetd openssh-server \
          rsyslog ucspi-tcp vsftpd
DOWNLOAD = $(APT) install -y --download-only --reinstall -o Dir::Cache::archives=$(DEBS)

demo: $(VENV)/ready $(CACHE)/tools
	$(BOX) $(PYTHON) test/sandbox/demo.py

# What README shows of it: to be made again when a test tells that it says something else.
docs/demo.svg: $(VENV)/ready $(CACHE)/tools
	$(BOX) $(PYTHON) test/sandbox/demo.py | $(PYTHON) docs/recording.py $@

# Each file of the first has its own daemons; all of a third share one gateway, and the thirds run at once.
test: $(VENV)/ready $(CLEAN) $(if $(TESTS),,$(OLDEST)/ready) $(CACHE)/tools $(CACHE)/kernel $(TARBALL)
ifdef TESTS
	$(PYTEST) $(TESTS)
else
	$(PYTEST) $(APART) test/unit test/functional test/boxes
	$(MAKE) --no-print-directory -j 3 --output-sync=target third-one third-two third-three
endif

third-one:
	$(PYTEST) $(FIRST)

third-two:
	$(PYTEST) $(SECOND)

third-three:
	$(PYTEST) $(filter-out $(FIRST) $(SECOND),$(wildcard test/integration/test_*.py))

boot: $(VENV)/ready $(CACHE)/tools $(BOOT)/$(RELEASE)
	$(PYTEST) $(or $(TESTS),test/boot)

page: $(VENV)/ready $(CACHE)/browser
	PICTURES=$(PICTURES) SITE=$(SITE) $(PYTHON) -m pytest -p no:cacheprovider test/page

bench: $(VENV)/ready $(CACHE)/tools
	$(BOX) $(PYTHON) test/bench/bench.py --machine $$(uname -n) $(ROWS) $(if $(JSON),--json >$(JSON))

shell: $(VENV)/ready $(CACHE)/tools
	$(BOX) $(PYTHON) test/sandbox/shell.py

lint: $(VENV)/ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/yamllint --strict pillar.example ftpgw/defaults.yaml ftpgw/platforms ftpgw/servers .github .pre-commit-config.yaml .salt-lint .yamllint
	$(VENV)/bin/salt-lint $(wildcard ftpgw/*.sls ftpgw/*.jinja)
	$(VENV)/bin/shellcheck .ci/run
	$(PYTHON) docs/generate.py --check

docs: $(VENV)/ready
	$(PYTHON) docs/generate.py

site: $(VENV)/ready $(PAGES)/ready
	flock $(CACHE)/site.lock $(PYTHON) docs/pages.py $(PAGES)/bin $(SITE)

dist: $(VENV)/ready
	$(PYTHON) release/build.py $(DIST)

# Whoever comes second waits for the first, and finds it done.
$(VENV)/ready: | $(CACHE)/tools
	@echo "preparing Salt $(SALT) and what the tests need, in $(VENV): a minute"
	flock $(VENV).lock $(MAKE) --no-print-directory $(VENV)/made
	touch $@

ifneq ($(SALT),3006)
$(OLDEST)/ready:
	$(MAKE) --no-print-directory SALT=3006 $@
endif

$(PAGES)/ready: | $(CACHE)/tools
	@echo "preparing what the site is made with, in $(PAGES): half a minute"
	flock $(PAGES).lock $(MAKE) --no-print-directory $(PAGES)/made
	touch $@

$(PAGES)/made:
	$(APT) install -y --no-install-recommends graphviz >>$(CACHE)/apt.log
	$(INTERPRETER) -m venv $(PAGES)
	$(PAGES)/bin/python -m pip install --quiet furo mermaidx myst-parser
	touch $@

$(VENV)/made:
	$(INTERPRETER) -m venv $(VENV)
	$(PYTHON) -m pip install --quiet "salt~=$(SALT).0" -r requirements-dev.txt
	$(PYTHON) -m pip install --quiet --no-deps --target $(VENV)/extension --upgrade saltext.freebsd
	touch $@

# Salt and its extension as pip brings them, in the same versions, and nothing of the tests: where the wheel is tried.
$(VENV)/clean/ready: | $(VENV)/ready
	@echo "preparing a clean environment for the wheel, in $(VENV)/clean: half a minute"
	flock $(VENV).lock $(MAKE) --no-print-directory $(VENV)/clean/made
	touch $@

$(VENV)/clean/made:
	$(INTERPRETER) -m venv --without-pip $(VENV)/clean
	$(PYTHON) -m pip freeze | $(PYTHON) -m pip --python $(VENV)/clean/bin/python install --quiet --no-compile \
	    --constraint /dev/stdin "salt~=$(SALT).0" saltext.freebsd
	touch $@

$(CACHE)/tools: Makefile
	@echo "preparing Debian's packages, in $(DEBS): a few seconds, at first a minute"
	mkdir -p $(DEBS)
	flock $@.lock $(MAKE) --no-print-directory $(DEBS)/made
	touch $@

$(DEBS)/made: Makefile
	$(APT) update
	$(APT) install -y $(TOOLS) >$(CACHE)/apt.log
	$(DOWNLOAD) $(GATEWAY) >>$(CACHE)/apt.log
	$(DOWNLOAD) inetutils-ftpd >>$(CACHE)/apt.log
	$(DOWNLOAD) proftpd-core proftpd-mod-crypto >>$(CACHE)/apt.log
	$(DOWNLOAD) pure-ftpd >>$(CACHE)/apt.log
	cd $(DEBS) && apt-get -qq download ucspi-tcp-ipv6
	touch $@

# A package of Python has axe, as one file; nothing else of it is used. Another one makes pictures small.
$(CACHE)/browser: | $(VENV)/ready
	@echo "preparing a browser, and axe: a minute"
	$(APT) install -y --no-install-recommends chromium fonts-dejavu-core >>$(CACHE)/apt.log
	$(PYTHON) -m pip install --quiet --no-deps --upgrade --target $(CACHE)/looks "axe-playwright-python~=0.1.8" pillow
	touch $@

# A kernel with quotas for the test that wants some, and fails without it. Debian has it for PCs alone.
$(CACHE)/kernel: | $(CACHE)/tools
	-$(APT) install -y user-mode-linux >>$(CACHE)/apt.log
	touch $@

$(BOOT)/%: | $(CACHE)/tools
	@echo "preparing a machine that boots, in $@: two minutes"
	$(APT) install -y --no-install-recommends $(BOOTS) >>$(CACHE)/apt.log
	$(SUDO) python3 test/boot/root.py $* $@ $(SALT)

# Debian's source package holds the file of the author of daemontools, byte for byte.
APT_SOURCE = $(APT) -o Dir::Etc::sourcelist=$(SOURCES)/list -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=$(SOURCES)/lists
$(TARBALL): | $(CACHE)/tools
	mkdir -p $(SOURCES)/lists/partial
	apt-get indextargets --format 'deb-src $$(REPO_URI) $$(CODENAME) $$(COMPONENT)' \
	    'Identifier: Packages' 'Origin: Debian' | sort -u >$(SOURCES)/list
	$(APT_SOURCE) update
	cd $(SOURCES) && $(APT_SOURCE) source --download-only daemontools
	cp $(SOURCES)/daemontools_0.76.orig.tar.gz $@

ready: $(VENV)/ready $(VENV)/clean/ready $(OLDEST)/ready $(PAGES)/ready $(BOOT)/$(RELEASE) $(CACHE)/browser \
       $(CACHE)/kernel $(TARBALL)

clean:
	$(SUDO) rm -rf $(CACHE)

.PHONY: bench boot clean demo dist docs docs/demo.svg lint page ready shell site test third-one third-three third-two
