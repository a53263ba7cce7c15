{%- from "ftpgw/map.jinja" import ftpgw with context %}
include:
  - ftpgw.ready
{% for name, settings in ftpgw.services.items() %}
{{ ("ftpgw service " ~ name) | json }}:
  daemontools.declared:
    - name: {{ name | string | json }}
    - settings: {{ settings | json(False) }}
    - pillar: {{ ("ftpgw:services:" ~ name) | json }}
{#- svscan looks every five seconds, so new services wait for it together. #}
    - parallel: {{ not salt["file.file_exists"]("/".join([ftpgw.service_dir, name | string, "supervise/status"])) }}
{% endfor %}
