# svscan and the ports for passive data, now and after a boot; the system's own FTP daemons stay down.
{%- if "__master_opts__" in opts or not salt["file.file_exists"](opts.extension_modules ~ "/modules/_version.py") %}
{%-   from "ftpgw/map.jinja" import ftpgw with context %}
{%- else %}{% do salt["ftpgw.sync"](saltenv) %}{% set ftpgw = salt["ftpgw.settings"](saltenv=saltenv) %}{% endif %}
{%- set boot = ftpgw.get("boot", {}) %}
include:
  - ftpgw.packages
{%- for path, lines in boot.get("lines", {}).items() %}

ftpgw is in {{ path }}:
  sharedfile.lines:
    - name: {{ path }}
    - lines: {{ lines | json }}
{%- endfor %}
{%- for path, variables in boot.get("variables", {}).items() %}

ftpgw finds {{ path }}:
  file.managed:
    - name: {{ path }}
    - replace: False
    - user: root
    - mode: '0644'
    - contents:
{%- for name, value in variables.items() %}
      - {{ (name ~ "=" ~ value) | json }}
{%- endfor %}

ftpgw sets variables in {{ path }}:
  file.keyvalue:
    - name: {{ path }}
    - key_values: {{ variables | json }}
    - separator: '='
    - append_if_not_found: True
    - ignore_if_missing: True
{%- endfor %}
{%- for what, command in boot.get("commands", {}).items() %}

# What it starts must not pass on the umask of whoever applies this.
ftpgw {{ what }}:
  cmd.run: {{ (command + [{"umask": "022"}]) | json }}
{%- endfor %}
