# Undo the gateway in reverse. Logs, the homes of the accounts, and the account that owns the logs stay.
{%- if "__master_opts__" in opts or not salt["file.file_exists"](opts.extension_modules ~ "/modules/_version.py") %}
{%-   from "ftpgw/map.jinja" import ftpgw with context %}
{%- else %}{% do salt["ftpgw.sync"](saltenv) %}{% set ftpgw = salt["ftpgw.settings"](saltenv=saltenv) %}{% endif %}
{%- set folder = salt["config.get"]("tcprules.dir", "/etc/tcprules") %}
include:
  - ftpgw.ready
  - ftpgw.nofilter
{% for name in ftpgw.services %}
{{ ("ftpgw service " ~ name ~ " is gone") | json }}:
  daemontools.absent:
    - name: {{ name | string | json }}
{% endfor %}
{%- for name in ftpgw.rules %}
{{ ("ftpgw rules " ~ name ~ " are gone") | json }}:
  tcprules.absent:
    - name: {{ name | string | json }}
{%- set job = "tcprules " ~ name %}
{%- if job in opts.get("schedule", {}) %}

{{ ("ftpgw rules " ~ name ~ " are held no more") | json }}:
  schedule.absent:
    - name: {{ job | json }}
{%- endif %}
{% endfor %}
ftpgw leaves nothing over:
  ftpgw.leftovers:
    - remove: True
{%- set metrics = opts.get("schedule", {}).get("ftpgw metrics") %}
{%- if metrics %}

ftpgw metrics are written no more:
  schedule.absent:
    - name: ftpgw metrics

ftpgw metrics are gone:
  file.absent:
    - name: {{ (metrics.args[0] ~ "/ftpgw.prom") | json }}
{%- endif %}

ftpgw Makefile of the rules is gone:
  file.absent:
    - names: {{ [folder ~ "/Makefile", folder ~ "/.lock"] | json }}
{%- set proxy = ftpgw.get("proxy", {}) %}
{%- if proxy.config is defined %}

ftpgw configuration of the proxy is gone:
  file.absent:
    - name: {{ proxy.config }}

ftpgw lines in {{ proxy.daemon }} are gone:
  sharedfile.no_lines:
    - name: {{ proxy.daemon }}
{%- endif %}
{%- if proxy.account is defined %}

ftpgw account of the proxy is gone:
  user.absent:
    - name: {{ proxy.account }}
    - force: True
{%- endif %}
{%- if ftpgw.passive_sysctl is defined %}

# The kernel keeps the range until it boots: connections use it.
ftpgw range of passive ports is gone:
  file.absent:
    - names: [/etc/sysctl.d/zzz-ftpgw.conf, /etc/sysctl.d/60-ftpgw.conf]
{%- endif %}
{%- if ftpgw.unit is defined %}

ftpgw place in a boot is gone:
  file.absent:
    - name: {{ ftpgw.unit.file }}
{%- endif %}

ftpgw accounts are gone:
  ftpgw.no_accounts: []

ftpgw denies nobody by ssh any more:
  sshd.denies_no_more:
    - name: /etc/ssh/sshd_config

ftpgw lines about accounts are gone:
  sharedfile.no_lines:
    - names: [/etc/shells, /etc/ftpusers]
{%- set files, owned, masks = [ftpgw.pam.file], [], [] %}
{%- for server in ftpgw.servers.values() %}
{%-   do files.append(server.get("pam", {}).get("file")) %}
{%-   do owned.extend(server.get("config", {}) | list + server.get("directories", [])) %}
{%-   for unit in server.get("mask", []) if grains.get("init") == "systemd" %}
{%-     do masks.append("/etc/systemd/system/" ~ unit) %}
{%-   endfor %}
{%- endfor %}
{%- for what in ftpgw.get("tls", {}).get("contents_pillar", {}) %}
{%-   do owned.append(ftpgw.tls[what]) %}
{%- endfor %}
{#- Salt's filter has no order of its own. #}
{%- for file in files | select | unique | sort %}

{{ ("ftpgw gives PAM back " ~ file) | json }}:
  conffile.restored:
    - name: {{ file | string | json }}
{%- endfor %}
{%- if owned %}

ftpgw files of FTP servers are gone:
  file.absent:
    - names: {{ owned | sort(reverse=True) | json }}   # what is in a directory goes before it
{%- endif %}

ftpgw gives inetd its ports back:
  inetd.restored:
    - name: /etc/inetd.conf

# With what came along with them; another service in the scan directory may need them.
ftpgw packages are gone:
  {{ "pkgadd" if grains["kernel"] == "OpenBSD" and "pkg.install" not in salt else "pkg" }}.removed:
    - pkgs: {{ (ftpgw.packages + salt["ftpgw.orphans"](ftpgw.packages)) | json }}
    - unless: &needed
      - fun: ftpgw.neighbours
        service_dir: {{ ftpgw.service_dir | json }}
        services: {{ ftpgw.services | list | json }}
{%- if masks %}

# Not where the package stays, which would then serve everybody after a boot.
ftpgw masks no daemon any more:
  file.absent:
    - names: {{ masks | json }}
    - unless: *needed
{%- endif %}
