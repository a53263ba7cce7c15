{%- from "ftpgw/map.jinja" import ftpgw with context %}
include:
  - ftpgw.ready
{% for name, settings in ftpgw.rules.items() %}
{{ ("ftpgw rules " ~ name) | json }}:
  tcprules.declared:
    - name: {{ name | string | json }}
    - settings: {{ settings | json(False) }}
    - pillar: {{ ("ftpgw:rules:" ~ name) | json }}
{% endfor %}
ftpgw rules can be compiled by hand:
  file.managed:
    - name: /etc/tcprules/Makefile
    - source: salt://ftpgw/files/tcprules.mk
    - user: root
    - mode: '0644'
    - makedirs: True
    - dir_mode: '0755'
