# The custom modules are on the minion and pillar makes sense: before that nothing is touched.
{%- if "__master_opts__" in opts or "ftpgw.synced" not in salt %}{% from "ftpgw/map.jinja" import ftpgw with context %}
{%- else %}{% set ftpgw = salt["ftpgw.synced"](saltenv) %}{% endif %}
{%- if "__master_opts__" not in opts and salt["ftpgw.sync"](saltenv) %}
ftpgw modules are new on this minion:
  test.nop:
    - force_reload_modules: True
{%- endif %}

ftpgw settings make sense:
  ftpgw.checked:
    - files: {{ ["salt://ftpgw/defaults.yaml", "salt://ftpgw/platforms/bsd.yaml", "salt://ftpgw/platforms/linux.yaml"] | json }}
    - failhard: True
