{%- from "ftpgw/map.jinja" import ftpgw with context %}
include:
  - ftpgw.packages

ftpgw loggers have an account:
  user.present:
    - name: multilog
    - system: True
    - home: /var/multilog
    - createhome: False
    - shell: {{ ftpgw.nologin }}

ftpgw accounts have a valid shell:
  sharedfile.lines:
    - name: /etc/shells
    - lines: [{{ ftpgw.nologin }}]

ftpgw admits nobody anonymous:
  sharedfile.lines:
    - name: /etc/ftpusers
    - lines: [anonymous, ftp, root]
{%- if ftpgw.pam %}

# inetutils' ftpd has no flag for it: only accounts in /etc/ftpchroot may log in. Without the file of
# the package our line would stand alone, and nothing would ask for a password.
ftpgw admits nobody but its accounts:
  sharedfile.lines:
    - name: {{ ftpgw.pam }}
    - lines: [auth required pam_listfile.so item=user sense=allow file=/etc/ftpchroot onerr=fail]
    - first: True
    - require:
      - pkg: ftpgw packages are installed
{%- endif %}

ftpgw accounts are those of pillar:
  ftpgw.accounts:
    - shell: {{ ftpgw.nologin }}
