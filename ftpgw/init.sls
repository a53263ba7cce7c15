# An FTP gateway the djb way, from top to bottom.
include:
  - ftpgw.ready
  - ftpgw.packages
  - ftpgw.inetd
  - ftpgw.accounts
  - ftpgw.rules
  - ftpgw.services
  - ftpgw.firewall
