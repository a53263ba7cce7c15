# A file for Prometheus' node_exporter, which the minion itself writes each minute; once not wanted, it is gone.
{%- if "__master_opts__" in opts or not salt["file.file_exists"](opts.extension_modules ~ "/modules/_version.py") %}
{%-   from "ftpgw/map.jinja" import ftpgw with context %}
{%- else %}{% do salt["ftpgw.sync"](saltenv) %}{% set ftpgw = salt["ftpgw.settings"](saltenv=saltenv) %}{% endif %}
{%- set before = opts.get("schedule", {}).get("ftpgw metrics", {}) %}
include:
  - ftpgw.ready
{%- if ftpgw.metrics %}

ftpgw metrics are written:
  schedule.present:
    - name: ftpgw metrics
    - function: ftpgw.metrics
    - job_args: [{{ ftpgw.metrics | json }}]
    - minutes: 1
    - maxrunning: 1
    - return_job: False
{%- elif before %}

ftpgw metrics are written no more:
  schedule.absent:
    - name: ftpgw metrics
{%- endif %}
{%- if before and before.args != [ftpgw.metrics] %}

ftpgw metrics of before are gone:
  file.absent:
    - name: {{ (before.args[0] ~ "/ftpgw.prom") | json }}
{%- endif %}
