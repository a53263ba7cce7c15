ftpgw:
  rules:
    ftp:
      sites:
        zeta: {allow: [9.20.0.0/16]}
        # A partner of everybody is none of the south.
        partners: {deny: [198.51.100.7]}
