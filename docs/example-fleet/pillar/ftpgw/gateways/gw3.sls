ftpgw:
  rules:
    ftp:
      sites:
        lan: {allow: [192.168.13.0/24]}
  # An FTP server alone.
  services:
    ftp-proxy: {state: absent}
    open-ftpd: {tcpserver: {concurrency: 90}}
