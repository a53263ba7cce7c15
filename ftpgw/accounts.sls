{%- if "__master_opts__" in opts or not salt["file.file_exists"](opts.extension_modules ~ "/modules/_version.py") %}
{%-   from "ftpgw/map.jinja" import ftpgw with context %}
{%- else %}{% do salt["ftpgw.sync"](saltenv) %}{% set ftpgw = salt["ftpgw.settings"](saltenv=saltenv) %}{% endif %}
include:
  - ftpgw.packages
{#- No new account is for the system's own FTP daemons, which know nothing of addresses. #}
{%- if ftpgw.boot is defined %}
  - ftpgw.boot
{%- endif %}

ftpgw accounts have a valid shell:
  sharedfile.lines:
    - name: /etc/shells
    - lines: {{ ftpgw.shells | json }}

ftpgw admits nobody anonymous:
  sharedfile.lines:
    - name: /etc/ftpusers
    - lines: [anonymous, ftp, root]
{%- for file in [ftpgw.pam.file] | select %}

# Without this nothing is started: it would be open to all accounts of the system.
ftpgw admits nobody but its accounts:
  conffile.replaced:
    - name: {{ file | string | json }}
    - lines: {{ ftpgw.pam.lines | json }}
    - failhard: True
    - require:
      - ftpgw packages are installed
{%- endfor %}

# Nor does a password, or a key that somebody uploads, open anything but FTP.
ftpgw accounts are for FTP alone:
  sshd.denies:
    - name: /etc/ssh/sshd_config
    - groups: [ftpgw, ftpgw-left]

ftpgw accounts are those of pillar:
  ftpgw.accounts: []
