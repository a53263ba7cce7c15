# What the FTP server reads: its own files, which belong to no package; certificate and key, if pillar holds them.
{%- if "__master_opts__" in opts or not salt["file.file_exists"](opts.extension_modules ~ "/modules/_version.py") %}
{%-   from "ftpgw/map.jinja" import ftpgw with context %}
{%- else %}{% do salt["ftpgw.sync"](saltenv) %}{% set ftpgw = salt["ftpgw.settings"](saltenv=saltenv) %}{% endif %}
include:
  - ftpgw.ready
  - ftpgw.packages
{%- set tls = ftpgw.get("tls", {}) %}
{%- for what, entry in tls.get("contents_pillar", {}) | dictsort %}

ftpgw has the {{ what }} of the FTP server:
  file.managed:
    - name: {{ tls[what] | json }}
    - contents_pillar: {{ entry | json }}
    - user: root
    - mode: '0600'
    - makedirs: True
    - dir_mode: '0755'
    - show_changes: False
{%- endfor %}
{%- if grains.get("init") == "systemd" %}
{%- for unit in ftpgw.get("mask", []) %}

# Somebody may have had it before.
ftpgw has the port of {{ unit }}:
  service.dead:
    - name: {{ unit }}
{%- endfor %}
{%- endif %}
{%- for folder in ftpgw.get("directories", []) %}

ftpgw has {{ folder }}:
  file.directory:
    - name: {{ folder }}
    - user: root
    - group: root
    - mode: '0755'
{%- endfor %}
{%- for path, parts in ftpgw.get("config", {}).items() %}

ftpgw configures {{ ftpgw.server }}:
  file.managed:
    - name: {{ path }}
    - user: root
    - mode: '0644'
    - makedirs: True
    - dir_mode: '0755'
    - contents:
      - '# Written by Salt from ftpgw in pillar; change it there.'
{%-   for part, lines in parts.items() %}
      - {{ ("# " ~ part) | json }}
{%-     for line in lines %}
      - {{ line | json }}
{%-     endfor %}
{%-   endfor %}
{%- endfor %}
