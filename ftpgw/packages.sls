{%- from "ftpgw/map.jinja" import ftpgw with context %}
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

ftpgw packages are installed:
  {{ "pkgadd" if grains["kernel"] == "OpenBSD" and "pkg.install" not in salt else "pkg" }}.installed:
    - pkgs: {{ (ftpgw.packages + unprovided) | json }}
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
