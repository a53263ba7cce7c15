# An FTP gateway the djb way, from top to bottom.
{%- from "ftpgw/map.jinja" import ftpgw with context %}
include:
  - ftpgw.ready
  - ftpgw.packages
{%- if ftpgw.boot is defined %}
  - ftpgw.boot
{%- endif %}
  - ftpgw.inetd
  - ftpgw.accounts
  - ftpgw.rules
  - ftpgw.services
  - ftpgw.firewall
