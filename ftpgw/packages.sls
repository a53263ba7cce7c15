{%- from "ftpgw/map.jinja" import ftpgw with context %}
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
    - pkgs: {{ ftpgw.packages | json }}
