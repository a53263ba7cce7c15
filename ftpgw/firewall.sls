# FTP of the inside network goes to ftp-proxy, except to the gateway itself.
{%- from "ftpgw/map.jinja" import ftpgw with context %}
{%- set filter, network = ftpgw.filter, ftpgw.network %}
include:
  - ftpgw.ready
  - ftpgw.packages
  - ftpgw.services
{%- if not ftpgw.proxied %}
  - ftpgw.nofilter
{%- elif filter.template is defined %}
{%- set text %}{% include filter.template %}{% endset %}
{%- if ftpgw.passive_sysctl is defined %}

# The last word is that of the file with the last name.
ftpgw range of passive ports has a file:
  file.managed:
    - name: /etc/sysctl.d/zzz-ftpgw.conf
    - replace: False
    - user: root
    - mode: '0644'

ftpgw passive connections have ports of their own:
  sysctl.present:
    - name: {{ ftpgw.passive_sysctl }}
    - value: {{ network.passive_ports | join(" ") | json }}
    - config: /etc/sysctl.d/zzz-ftpgw.conf

ftpgw passive connections keep their ports after a boot:
  ftpgw.sysctl_lasting:
    - name: {{ ftpgw.passive_sysctl }}
    - value: {{ network.passive_ports | join(" ") | json }}
    - file: /etc/sysctl.d/zzz-ftpgw.conf
{%- endif %}
{%- if not ftpgw.firewall.manage %}

ftpgw leaves the packet filter alone:
  test.show_notification:
    - text: {{ ("The packet filter needs these rules, but ftpgw:firewall:manage is false:\n" ~ text) | json }}
{%- else %}

ftpgw packet filter diverts FTP:
  firewall.loaded:
    - name: {{ filter.file }}
    - text: {{ (text ~ "\n") | json }}
    - filter: {{ filter | json }}
    - require:
      - daemontools: ftp-proxy

# Only after our file is there: without it the system would load no rules at all.
ftpgw packet filter diverts FTP after a boot:
  {{ filter.boot.state }}:
    - name: {{ filter.boot.file }}
    - lines: {{ filter.boot.lines | json }}
{%- if filter.boot.state == "pf.called" %}
    - filter: {{ filter.boot.filter | json }}
{%- endif %}
    - require:
      - firewall: ftpgw packet filter diverts FTP
{%- if grains.get("init") == "systemd" %}
  service.enabled:
    - name: {{ filter.boot.service }}
{%- endif %}
{%- endif %}
{%- endif %}
