# The daemons under supervise, after what they need before they run.
{%- if "__master_opts__" in opts or not salt["file.file_exists"](opts.extension_modules ~ "/modules/_version.py") %}
{%-   from "ftpgw/map.jinja" import ftpgw with context %}
{%- else %}{% do salt["ftpgw.sync"](saltenv) %}{% set ftpgw = salt["ftpgw.settings"](saltenv=saltenv) %}{% endif %}
{%- set filter, network, ports = ftpgw.filter, ftpgw.network, ftpgw.guarded.values() | list %}
{%- set kernel = ftpgw.passive_kernel | default(network.passive_ports) %}
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
  ftpgw.account:
    - name: {{ proxy.account }}
    - home: /nonexistent
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
{%- if ftpgw.passive_sysctl is defined and (ftpgw.proxied or ports) %}

# The last word is that of the file with the last name.
ftpgw passive connections have ports of their own:
  ftpgw.sysctl:
    - name: {{ ftpgw.passive_sysctl }}
    - value: {{ kernel | join(" ") | json }}
    - file: /etc/sysctl.d/zzz-ftpgw.conf
{%- endif %}
{%- if ports and ftpgw.firewall.manage %}
{%- set passive, diverting, ftpgw = network.passive_ports | join("-"), ftpgw, dict(ftpgw, proxied=False) %}
{%- set text %}{% include filter.template %}{% endset %}
{%- set ftpgw = diverting %}

# Data is guarded before there is any; FTP is diverted when the proxy is there.
ftpgw packet filter guards data:
  firewall.begun:
    - name: {{ filter.file }}
    - text: {{ (text ~ "\n") | json }}
    - filter: {{ filter | json }}
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
{%- elif name in ftpgw.guarded and ftpgw.firewall.manage %}
    - require:
      - ftpgw packet filter guards data
{%- endif %}
{% endfor %}
ftpgw knows what pillar names no more:
  ftpgw.leftovers:
    - remove: {{ ftpgw.leftovers == "remove" }}
