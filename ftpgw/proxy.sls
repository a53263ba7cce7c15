# What ftp-proxy needs before it runs under supervise.
{%- from "ftpgw/map.jinja" import ftpgw, proxied with context %}
include:
  - ftpgw.ready
  - ftpgw.packages
{%- set own = ftpgw.get("proxy", {}) if proxied else {} %}
{%- if own.account is defined %}

ftpgw proxy has an account:
  user.present:
    - name: {{ own.account }}
    - system: True
    - home: /nonexistent
    - createhome: False
    - shell: {{ ftpgw.nologin }}
{%- endif %}
{%- if own.config is defined %}

ftpgw proxy is configured:
  file.managed:
    - name: {{ own.config }}
    - source: salt://ftpgw/files/proxy-suite.jinja
    - template: jinja
    - mode: '0644'
    - makedirs: True
    - context: {network: {{ ftpgw.network | json }}}

# Our lines are the last in the file, which a shell reads.
ftpgw proxy is not started by its package:
  sharedfile.lines:
    - name: {{ own.daemon }}
    - lines: [RUN_DAEMON=no]
{%- endif %}
