{%- from "ftpgw/map.jinja" import ftpgw with context %}
{%- set filter = [ftpgw.filter.package] if ftpgw.firewall.manage and ftpgw.filter.package is defined else [] %}
{%- set unprovided = salt["ftpgw.unprovided"](ftpgw.get("provided", {})) %}
include:
  - ftpgw.ready
{%- if ftpgw.daemontools.source %}
  - ftpgw.daemontools
{%- endif %}

# First, because a package may bring it too, and then test=True would have promised too much.
ftpgw scan directory exists:
  file.directory:
    - name: {{ ftpgw.service_dir | json }}
    - user: root
    - mode: '0755'
{%- if ftpgw.unit is defined %}

# Before the package is, which has systemd read it; later on it holds from the next boot.
ftpgw has its place in a boot:
  file.managed:
    - name: {{ ftpgw.unit.file }}
    - contents: {{ ftpgw.unit.lines | json }}
    - user: root
    - mode: '0644'
    - makedirs: True
    - dir_mode: '0755'
{%- endif %}
{%- if ftpgw.repair is defined and salt["ftpgw.interrupted"]() %}

# What an earlier run, or a person, left half-way; nothing can be installed before.
ftpgw packages are whole:
  cmd.run:
    - name: {{ ftpgw.repair | json }}
    - env: [DEBIAN_FRONTEND: noninteractive]
    - umask: '022'
    - failhard: True
{%- endif %}

{%- if grains.get("init") == "systemd" %}
{%- for unit in ftpgw.get("mask", []) %}

# Before the package is there, which would start it.
ftpgw has no {{ unit }}:
  file.symlink:
    - name: /etc/systemd/system/{{ unit }}
    - target: /dev/null
    - force: True
{%- endfor %}
{%- endif %}

# Without them nothing is written into files of theirs, which they would ask about when they come.
ftpgw packages are installed:
  {{ "pkgadd" if grains["kernel"] == "OpenBSD" and "pkg.install" not in salt else "pkg" }}.installed:
    - pkgs: {{ (ftpgw.packages + filter + unprovided) | json }}
    - failhard: True
{%- for option, value in ftpgw.get("installing", {}).items() %}
    - {{ option }}: {{ value | json }}
{%- endfor %}
{%- if unprovided %}

# So that it goes with what needs it.
ftpgw packages alone need {{ unprovided | join(", ") }}:
  cmd.run:
    - name: apt-mark auto {{ unprovided | join(" ") }}
    - umask: '022'
    - onchanges:
      - ftpgw packages are installed
{%- endif %}
