# An FTP gateway the djb way, from top to bottom.
include:
  - ftpgw.ready
{#- With test=True a failure would not end the run: nothing is foretold of settings that make no sense. #}
{%- if "__master_opts__" in opts or not salt["file.file_exists"](opts.extension_modules ~ "/modules/_version.py") %}
{%-   from "ftpgw/map.jinja" import ftpgw with context %}
{%- else %}{% do salt["ftpgw.sync"](saltenv) %}{% set ftpgw = salt["ftpgw.settings"](saltenv=saltenv) %}{% endif %}
{%- if not ftpgw.problems %}
  - ftpgw.packages
  - ftpgw.inetd
  - ftpgw.server
  - ftpgw.accounts
  - ftpgw.rules
  - ftpgw.services
  - ftpgw.firewall
{%-   if ftpgw.metrics or "ftpgw metrics" in opts.get("schedule", {}) %}
  - ftpgw.metrics
{%-   endif %}
{%- endif %}
