ftpgw:
  network: {int_if: eth1, int_ip: 192.168.12.254, int_net: 192.168.12.0/24, ext_if: eth0}
  rules:
    ftp:
      sites:
        lan: {allow: [192.168.12.0/24]}
        acme: {allow: []}               # a site of its region, switched off here
