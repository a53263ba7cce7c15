# The custom modules are on the minion and pillar makes sense: before that nothing is touched.
{%- from "ftpgw/map.jinja" import ftpgw, new, platform with context %}
{%- set files = ["defaults", platform] %}
{%- for name in ftpgw.servers %}
{%-   do files.append("servers/" ~ name) %}
{%- endfor %}
{%- if new %}
ftpgw modules are new on this minion:
  test.nop:
    - force_reload_modules: True
{%- endif %}

ftpgw settings make sense:
  ftpgw.checked:
    - files:
{%- for file in files %}
      - salt://ftpgw/{{ file }}.yaml
{%- endfor %}
    - failhard: True
