# Undo the gateway in reverse. Logs, the homes of the accounts, and the account that owns the logs stay.
{%- from "ftpgw/map.jinja" import ftpgw with context %}
include:
  - ftpgw.ready
{% for name in ftpgw.services %}
{{ ("ftpgw service " ~ name ~ " is gone") | json }}:
  daemontools.absent:
    - name: {{ name | string | json }}
{% endfor %}
{%- for name in ftpgw.rules %}
{{ ("ftpgw rules " ~ name ~ " are gone") | json }}:
  tcprules.absent:
    - name: {{ name | string | json }}
{% endfor %}
ftpgw Makefile of the rules is gone:
  file.absent:
    - name: /etc/tcprules/Makefile

ftpgw accounts are gone:
  ftpgw.no_accounts:
    - shell: {{ ftpgw.nologin }}
{% for path in ["/etc/shells", "/etc/ftpusers", ftpgw.pam] | select %}
ftpgw lines in {{ path }} are gone:
  sharedfile.no_lines:
    - name: {{ path }}
{% endfor %}
ftpgw gives inetd its ports back:
  inetd.restored:
    - name: /etc/inetd.conf

# Another service in the scan directory may need them.
ftpgw packages are gone:
  pkg.removed:
    - pkgs: {{ ftpgw.packages | json }}
    - unless: ls {{ ftpgw.service_dir }} | grep -q .
