{%- if "__master_opts__" in opts or not salt["file.file_exists"](opts.extension_modules ~ "/modules/_version.py") %}
{%-   from "ftpgw/map.jinja" import ftpgw with context %}
{%- else %}{% do salt["ftpgw.sync"](saltenv) %}{% set ftpgw = salt["ftpgw.settings"](saltenv=saltenv) %}{% endif %}
{%- set folder = salt["config.get"]("tcprules.dir", "/etc/tcprules") %}
include:
  - ftpgw.ready
{#- The settings are asked for when a state needs them: lists of a hundred thousand addresses need not be rendered. #}
{% for name in ftpgw.rules %}
{{ ("ftpgw rules " ~ name) | json }}:
  tcprules.managed:
    - name: {{ name | json }}
    - settings: {{ ("__slot__:salt:ftpgw.settings(rules, " ~ (name | json) ~ ")") | json }}
    - path: {{ ("ftpgw:rules:" ~ name) | json }}
{% endfor %}
ftpgw rules can be compiled by hand:
  file.managed:
    - name: {{ (folder ~ "/Makefile") | json }}
    - source: salt://ftpgw/files/tcprules.mk
    - user: root
    - mode: '0644'
    - makedirs: True
    - dir_mode: '0755'
