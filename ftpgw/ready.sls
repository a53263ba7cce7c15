# The custom modules are on the minion and pillar makes sense: before that nothing is touched.
{%- from "ftpgw/map.jinja" import new, platform with context %}
{%- if new %}
ftpgw modules are new on this minion:
  test.nop:
    - force_reload_modules: True
{%- endif %}

ftpgw settings make sense:
  ftpgw.checked:
    - files: {{ ["salt://ftpgw/defaults.yaml", "salt://ftpgw/" ~ platform ~ ".yaml"] | json }}
    - failhard: True
