{%- from "ftpgw/map.jinja" import ftpgw with context %}
include:
  - ftpgw.ready

ftpgw loggers have an account:
  user.present:
    - name: multilog
    - system: True
    - home: /var/multilog
    - createhome: False
    - shell: {{ ftpgw.nologin }}

# Several programs share these two files: the lines between the marks are ours, the others are left alone.
ftpgw accounts have a valid shell:
  file.blockreplace:
    - name: /etc/shells
    - marker_start: '# ftpgw: begin'
    - marker_end: '# ftpgw: end'
    - content: {{ ftpgw.nologin }}
    - append_if_not_found: True

ftpgw has a list of the unwelcome:
  file.managed:
    - name: /etc/ftpusers
    - replace: False
    - mode: '0644'

ftpgw admits nobody anonymous:
  file.blockreplace:
    - name: /etc/ftpusers
    - marker_start: '# ftpgw: begin'
    - marker_end: '# ftpgw: end'
    - content: |
        anonymous
        ftp
        root
    - append_if_not_found: True
{%- if ftpgw.pam %}

# inetutils' ftpd has no flag for it: only accounts in /etc/ftpchroot may log in.
ftpgw admits nobody but its accounts:
  file.blockreplace:
    - name: {{ ftpgw.pam }}
    - marker_start: '# ftpgw: begin'
    - marker_end: '# ftpgw: end'
    - content: auth required pam_listfile.so item=user sense=allow file=/etc/ftpchroot onerr=fail
    - prepend_if_not_found: True
{%- endif %}

ftpgw accounts are those of pillar:
  ftpgw.accounts:
    - shell: {{ ftpgw.nologin }}
