# FTP of the inside network goes to ftp-proxy, except to the gateway itself; data connections come from the client only.
{%- if "__master_opts__" in opts or not salt["file.file_exists"](opts.extension_modules ~ "/modules/_version.py") %}
{%-   from "ftpgw/map.jinja" import ftpgw with context %}
{%- else %}{% do salt["ftpgw.sync"](saltenv) %}{% set ftpgw = salt["ftpgw.settings"](saltenv=saltenv) %}{% endif %}
{%- set filter, network, ports = ftpgw.filter, ftpgw.network, ftpgw.guarded.values() | list %}
{%- set passive, kernel = network.passive_ports | join("-"), ftpgw.passive_kernel | default(network.passive_ports) %}
{%- set does = "diverts" if ftpgw.proxied else "guards" if ports else "limits" %}
include:
  - ftpgw.ready
  - ftpgw.packages
  - ftpgw.services
{%- if ftpgw.problems %}
{#- There are no services to wait for, and the run ends before. #}
{%- elif not (ftpgw.proxied or ports or ftpgw.limited) %}
  - ftpgw.nofilter
{%- elif filter.template is defined %}
{%- set text %}{% include filter.template %}{% endset %}
{%- if not ftpgw.firewall.manage %}

ftpgw leaves the packet filter alone:
  test.show_notification:
    - text: {{ ("The packet filter needs these rules, but ftpgw:firewall:manage is false:\n" ~ text) | json }}
{%- else %}
{%- if filter.module is defined and not (ftpgw.proxied or ports) %}
{%-   set filter = dict(filter, module=none) %}

# What only counts reads no words of FTP.
ftpgw packet filter has no {{ ftpgw.filter.module }} after a boot:
  file.absent:
    - name: /etc/modules-load.d/ftpgw.conf
{%- elif filter.module is defined %}

# nftables does not load it by itself.
ftpgw packet filter has {{ filter.module }} after a boot:
  file.managed:
    - name: /etc/modules-load.d/ftpgw.conf
    - contents: {{ filter.module }}
    - user: root
    - mode: '0644'
    - dir_mode: '0755'
    - makedirs: True
{%- endif %}

ftpgw packet filter {{ does }} FTP:
  firewall.loaded:
    - name: {{ filter.file }}
    - text: {{ (text ~ "\n") | json }}
    - filter: {{ filter | json }}
{%- if ftpgw.proxied %}
    - require:
      - daemontools: ftp-proxy
{%- endif %}

# Only after our file is there: without it the system would load no rules at all.
ftpgw packet filter {{ does }} FTP after a boot:
  {{ filter.boot.state }}:
    - name: {{ filter.boot.file }}
    - lines: {{ filter.boot.lines | json }}
{%- if filter.boot.state == "pf.called" %}
    - filter: {{ filter.boot.filter | json }}
{%- endif %}
    - require:
      - firewall: ftpgw packet filter {{ does }} FTP
{%- if grains.get("init") == "systemd" %}
  service.enabled:
    - name: {{ filter.boot.service }}
{%- endif %}
{%- endif %}
{%- endif %}
