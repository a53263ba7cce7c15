# No FTP is diverted: not after a boot, and not now.
{%- if "__master_opts__" in opts or not salt["file.file_exists"](opts.extension_modules ~ "/modules/_version.py") %}
{%-   from "ftpgw/map.jinja" import ftpgw with context %}
{%- else %}{% do salt["ftpgw.sync"](saltenv) %}{% set ftpgw = salt["ftpgw.settings"](saltenv=saltenv) %}{% endif %}
{%- set filter = ftpgw.filter %}
include:
  - ftpgw.ready
{#- A whole file of rules (full) stays: without it there would be none. #}
{%- if filter.file is defined and ftpgw.firewall.manage == "include" %}

# Before our file is gone: without it the system would load no rules at all.
ftpgw packet filter diverts nothing after a boot:
  {{ filter.boot.state }}:
    - name: {{ filter.boot.file }}
    - lines: []
{%- if filter.boot.state == "pf.called" %}
    - filter: {{ filter.boot.filter | json }}
{%- endif %}

ftpgw packet filter diverts nothing:
  firewall.unloaded:
    - name: {{ filter.file }}
    - filter: {{ filter | json }}
    - require:
      - ftpgw packet filter diverts nothing after a boot
{%- if filter.module is defined %}

ftpgw packet filter has no {{ filter.module }} after a boot:
  file.absent:
    - name: /etc/modules-load.d/ftpgw.conf
{%- endif %}
{%- endif %}
