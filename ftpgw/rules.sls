{%- from "ftpgw/map.jinja" import ftpgw with context %}
{%- set folder = salt["config.get"]("tcprules.dir", "/etc/tcprules") %}
include:
  - ftpgw.ready
{% for name, settings in ftpgw.rules.items() %}
{{ ("ftpgw rules " ~ name) | json }}:
  tcprules.managed:
    - name: {{ name | string | json }}
    - settings: {{ settings | json(False) }}
    - path: {{ ("ftpgw:rules:" ~ name) | json }}
{% endfor %}
ftpgw rules can be compiled by hand:
  file.managed:
    - name: {{ (folder ~ "/Makefile") | json }}
    - source: salt://ftpgw/files/tcprules.mk
    - mode: '0644'
    - makedirs: True
