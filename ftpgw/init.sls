# An FTP gateway the djb way, from top to bottom.
include:
  - ftpgw.ready
{#- With test=True a failure would not end the run: nothing is foretold of settings that make no sense. #}
{%- if "__master_opts__" in opts or "ftpgw.synced" not in salt %}{% from "ftpgw/map.jinja" import ftpgw with context %}
{%- else %}{% set ftpgw = salt["ftpgw.synced"](saltenv) %}{% endif %}
{%- if not ftpgw.problems %}
  - ftpgw.packages
  - ftpgw.inetd
  - ftpgw.accounts
  - ftpgw.rules
  - ftpgw.services
  - ftpgw.firewall
{%- endif %}
