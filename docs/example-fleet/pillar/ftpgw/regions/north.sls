ftpgw:
  rules:
    ftp:
      sites:
        acme: {allow: [9.9.9.0/24], deny: [9.9.9.13]}
        # A fortnight of migration; the day after, nobody comes in by it.
        moving-house: {allow: [9.10.0.0/24], allow_until: 2027-06-30}
