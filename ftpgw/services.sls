{%- from "ftpgw/map.jinja" import ftpgw with context %}
include:
  - ftpgw.ready
{% for name, settings in ftpgw.services.items() %}
{{ ("ftpgw service " ~ name) | json }}:
  daemontools.declared:
    - name: {{ name | json }}
    - settings: {{ settings | json }}
    - pillar: {{ ("ftpgw:services:" ~ name) | json }}
{% endfor %}
