{%- if "__master_opts__" in opts or not salt["file.file_exists"](opts.extension_modules ~ "/modules/_version.py") %}
{%-   from "ftpgw/map.jinja" import ftpgw with context %}
{%- else %}{% do salt["ftpgw.sync"](saltenv) %}{% set ftpgw = salt["ftpgw.settings"](saltenv=saltenv) %}{% endif %}
{%- set filter = [ftpgw.filter.package] if ftpgw.firewall.manage and ftpgw.filter.package is defined else [] %}
{%- set dpkg = salt["ftpgw.packages"](provided=ftpgw.get("provided", {})) %}
{%- set unprovided = dpkg.unprovided %}
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

ftpgw loggers have an account:
  ftpgw.account:
    - name: multilog
    - home: /var/multilog
    - shell: {{ ftpgw.nologin | json }}
{%- for name, settings in ftpgw.services.items() if not (name == "ftp-proxy" and ftpgw.missing) %}
{%- if not salt["file.is_link"](ftpgw.service_dir ~ "/" ~ name) %}

# svscan looks when it is installed, and then every five seconds. They are kept down until all that they need is there.
{{ ("ftpgw service " ~ name ~ " is linked") | json }}:
  daemontools.linked:
    - name: {{ name | json }}
    - settings: {{ settings | json(False) }}
    - path: {{ ("ftpgw:services:" ~ name) | json }}
{%- endif %}
{%- endfor %}
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
{%- if ftpgw.repair is defined and dpkg.interrupted %}

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
  ftpgw.installed:
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
