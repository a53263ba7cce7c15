# What every gateway has.
ftpgw:
  leftovers: remove
  metrics: /var/lib/prometheus/node-exporter
  rules:
    ftp:
      sites:
        head-office: {allow: [203.0.113.0/28]}
        # Long lists are files of the file server: pillar is rendered and sent for every job, a file once.
        partners: {allow_from: [salt://lists/partners.txt]}
        crawlers: {deny_from: [salt://lists/crawlers.txt]}
      # No gateway's rules come into force that would not do this.
      expect:
        allow: [203.0.113.10]
        deny: [198.51.100.66, 192.0.2.1]
