# The custom modules are on the minion and pillar makes sense: before that nothing is touched.
{%- if "__master_opts__" in opts or not salt["file.file_exists"](opts.extension_modules ~ "/modules/_version.py") %}
{%-   from "ftpgw/map.jinja" import ftpgw with context %}
{%- else %}{% do salt["ftpgw.sync"](saltenv) %}{% set ftpgw = salt["ftpgw.settings"](saltenv=saltenv) %}{% endif %}
{%- if "__master_opts__" not in opts and salt["ftpgw.sync"](saltenv) %}
ftpgw modules are new on this minion:
  test.nop:
    - force_reload_modules: True
{%- endif %}

ftpgw settings make sense:
  ftpgw.checked:
    - files:
      - salt://ftpgw/defaults.yaml
      - salt://ftpgw/platforms/bsd.yaml
      - salt://ftpgw/platforms/linux.yaml
{%- for name in ftpgw.servers %}
      - salt://ftpgw/servers/{{ name }}.yaml
{%- endfor %}
    - failhard: True
