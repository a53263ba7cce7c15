{%- from "ftpgw/map.jinja" import ftpgw with context %}
include:
  - ftpgw.packages
{#- No new account is for the system's own FTP daemons, which know nothing of addresses. #}
{%- if ftpgw.boot is defined %}
  - ftpgw.boot
{%- endif %}

ftpgw loggers have an account:
  user.present:
    - name: multilog
    - system: True
    - home: /var/multilog
    - createhome: False
    - shell: {{ ftpgw.nologin | json }}

ftpgw accounts have a valid shell:
  sharedfile.lines:
    - name: /etc/shells
    - lines: {{ ftpgw.shells | json }}

ftpgw admits nobody anonymous:
  sharedfile.lines:
    - name: /etc/ftpusers
    - lines: [anonymous, ftp, root]
{%- for file in [ftpgw.pam.file] | select %}

# Without the file of the package our lines would stand alone, and nothing would ask for a password.
ftpgw admits nobody but its accounts:
  sharedfile.lines:
    - name: {{ file | string | json }}
    - lines: {{ ftpgw.pam.lines | json }}
    - first: True
    - require:
      - ftpgw packages are installed
{%- endfor %}
{%- for path, lines in ftpgw.get("pam_files", {}).items() %}

ftpgw alone says who {{ path }} admits:
  file.managed:
    - name: {{ path }}
    - contents: {{ lines | json }}
    - user: root
    - mode: '0644'
    - backup: minion
    - require:
      - ftpgw packages are installed
{%- endfor %}

ftpgw accounts are those of pillar:
  ftpgw.accounts:
    - shell: {{ ftpgw.nologin | json }}
    - group: {{ ftpgw.login_group | json }}
