{%- from "ftpgw/map.jinja" import ftpgw with context %}
include:
  - ftpgw.ready
  - ftpgw.daemontools

ftpgw packages are installed:
  {{ "pkg" if "pkg.install" in salt else "pkgadd" }}.installed:
    - pkgs: {{ ftpgw.packages | json }}

ftpgw scan directory exists:
  file.directory:
    - name: {{ ftpgw.service_dir }}
