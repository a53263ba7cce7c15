# The daemons under supervise, after what ftp-proxy needs before it runs.
{%- from "ftpgw/map.jinja" import ftpgw with context %}
{%- set proxy = ftpgw.get("proxy", {}) if ftpgw.proxied else {} %}
include:
  - ftpgw.ready
  - ftpgw.packages
  - ftpgw.server
{%- if ftpgw.boot is defined %}
  - ftpgw.boot
{%- endif %}
{%- if proxy.account is defined %}

ftpgw proxy has an account:
  user.present:
    - name: {{ proxy.account }}
    - system: True
    - home: /nonexistent
    - createhome: False
    - shell: {{ ftpgw.nologin | json }}
{%- endif %}
{%- if proxy.config is defined %}

ftpgw proxy is configured:
  file.managed:
    - name: {{ proxy.config }}
    - source: salt://ftpgw/files/proxy-suite.jinja
    - template: jinja
    - user: root
    - mode: '0644'
    - makedirs: True
    - dir_mode: '0755'
    - context: {network: {{ ftpgw.network | json }}}

# Our lines are the last in the file, which its script reads: that ends there, whatever it is to do. An upgrade of the
# package has it stop every ftp-proxy, which are the sessions.
ftpgw proxy is not started by its package:
  sharedfile.lines:
    - name: {{ proxy.daemon }}
    - lines: [RUN_DAEMON=no, exit 0]
{%- endif %}
{%- if ftpgw.missing %}

# Accounts and rules do not wait for a network, nor does the own server.
ftpgw is between its networks:
  test.fail_without_changes:
    - comment: {{ ftpgw.missing | join("\n") | json }}
{%- endif %}
{% for name, settings in ftpgw.services.items() %}
{{ ("ftpgw service " ~ name) | json }}:
  daemontools.declared:
    - name: {{ name | json }}
    - settings: {{ settings | json(False) }}
    - path: {{ ("ftpgw:services:" ~ name) | json }}
{%- if name == "ftp-proxy" and ftpgw.missing %}
    - require:
      - ftpgw is between its networks
{%- endif %}
{#- svscan looks every five seconds, so new services wait for it together. #}
    - parallel: {{ not salt["file.file_exists"](ftpgw.service_dir ~ "/" ~ name ~ "/supervise/status") }}
{% endfor %}
ftpgw knows what pillar names no more:
  ftpgw.leftovers:
    - remove: {{ ftpgw.leftovers == "remove" }}
