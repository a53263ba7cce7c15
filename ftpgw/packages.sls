{%- from "ftpgw/map.jinja" import ftpgw with context %}
include:
  - ftpgw.ready

ftpgw packages are installed:
  pkg.installed:
    - pkgs: {{ ftpgw.packages | json }}

ftpgw scan directory exists:
  file.directory:
    - name: {{ ftpgw.service_dir }}
