# An FTP gateway the djb way, from top to bottom.
include:
  - ftpgw.ready
  - ftpgw.packages
  - ftpgw.boot
  - ftpgw.inetd
  - ftpgw.accounts
  - ftpgw.rules
  - ftpgw.proxy
  - ftpgw.services
  - ftpgw.firewall
