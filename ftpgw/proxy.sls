# What ftp-proxy needs before it runs under supervise.
{%- from "ftpgw/map.jinja" import ftpgw, proxied with context %}
include:
  - ftpgw.ready
  - ftpgw.packages
{%- if proxied and ftpgw.proxy is defined %}

ftpgw proxy has an account:
  user.present:
    - name: {{ ftpgw.proxy.account }}
    - system: True
    - home: /nonexistent
    - createhome: False
    - shell: {{ ftpgw.nologin }}

ftpgw proxy is configured:
  file.managed:
    - name: {{ ftpgw.proxy.config }}
    - source: salt://ftpgw/files/proxy-suite.jinja
    - template: jinja
    - mode: '0644'
    - makedirs: True
    - context: {network: {{ ftpgw.network | json }}}

# Our lines are the last in the file, which a shell reads.
ftpgw proxy is not started by its package:
  sharedfile.lines:
    - name: {{ ftpgw.proxy.daemon }}
    - lines: [RUN_DAEMON=no]
{%- endif %}
