# svscan and the ports for passive data, now and after a boot; the system's own FTP daemons stay down.
{%- from "ftpgw/map.jinja" import ftpgw, proxied with context %}
{%- set boot = salt["slsutil.merge"](ftpgw.get("boot", {}), ftpgw.get("proxy_boot", {}) if proxied else {}) %}
{%- set ports = ftpgw.network.passive_ports %}
include:
  - ftpgw.packages
{%- for path, lines in boot.get("lines", {}).items() %}

ftpgw is in {{ path }}:
  sharedfile.lines:
    - name: {{ path }}
    - lines: {{ lines | json }}
{%- endfor %}
{%- for path, variables in boot.get("variables", {}).items() %}

ftpgw finds {{ path }}:
  file.managed:
    - name: {{ path }}
    - replace: False
    - mode: '0644'

ftpgw sets variables in {{ path }}:
  file.keyvalue:
    - name: {{ path }}
    - key_values: {{ variables | json }}
    - separator: '='
    - append_if_not_found: True
{%- endfor %}
{%- for what, command in boot.get("commands", {}).items() %}

ftpgw {{ what }}:
  cmd.run: {{ command | json }}
{%- endfor %}
{%- for name in boot.get("passive_ports", []) if ports is sequence and ports | length == 2 %}

ftpgw {{ name }} is kept:
  file.keyvalue:
    - name: /etc/sysctl.conf
    - key_values: {{ {name: ports[loop.index0]} | json }}
    - separator: '='
    - append_if_not_found: True

ftpgw {{ name }} is set:
  cmd.run:
    - name: sysctl {{ name }}={{ ports[loop.index0] }}
    - unless: sysctl -n {{ name }} | grep -qx {{ ports[loop.index0] }}
{%- endfor %}
