ftpgw:
  network: {int_if: eth1, int_ip: 192.168.11.254, int_net: 192.168.11.0/24, ext_if: eth0}
  rules:
    ftp:
      sites:
        lan: {allow: [192.168.11.0/24]}
