include:
  - ftpgw.ready

ftpgw has the ports that inetd had:
  inetd.retired:
    - name: /etc/inetd.conf
    - services: [ftp, ftp-proxy, '21', '8021']
