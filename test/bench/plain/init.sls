# What one writes without ftpgw: the same gateway in Salt's own states, its two services and all they need.
{%- set password = salt["pillar.get"]("ftpgw:accounts:partner:password") %}
packages:
  pkg.installed:
    - pkgs: [daemontools, daemontools-run, ucspi-tcp, inetutils-ftpd, ftp-proxy, nftables]

/etc/default/ftp-proxy:
  file.append:
    - text: RUN_DAEMON=no

{% if salt["file.file_exists"]("/etc/inetd.conf") %}
/etc/inetd.conf:
  file.comment:
    - regex: ^ftp
    - ignore_missing: True
{% endif %}
{% for account in ["multilog", "ftpproxy"] %}
{{ account }}:
  user.present:
    - system: True
    - home: /nonexistent
    - createhome: False
    - shell: /usr/sbin/nologin
{% endfor %}
partner:
  user.present:
    - password: {{ password | json }}
    - shell: /usr/sbin/nologin

/home/partner:
  file.directory:
    - user: partner
    - mode: '0750'

/etc/ftpchroot:
  file.managed:
    - contents: partner

/etc/shells:
  file.append:
    - text: /usr/sbin/nologin

/etc/ftpusers:
  file.append:
    - text: [anonymous, ftp, root]

/etc/pam.d/ftp:
  file.prepend:
    - text: auth required pam_listfile.so item=user sense=allow file=/etc/ftpchroot onerr=fail

/etc/proxy-suite/gateway.conf:
  file.managed:
    - source: salt://plain/files/gateway.conf
    - makedirs: True
{% for name in ["ftp", "ftp-proxy"] %}
/etc/tcprules/{{ name }}.rules:
  file.managed:
    - source: salt://plain/files/{{ name }}.rules
    - makedirs: True

tcprules {{ name }}.cdb {{ name }}.tmp <{{ name }}.rules:
  cmd.run:
    - cwd: /etc/tcprules
    - onchanges:
      - file: /etc/tcprules/{{ name }}.rules
{% endfor %}
/etc/service:
  file.directory
{% for name in ["open-ftpd", "ftp-proxy"] %}
/var/multilog/{{ name }}:
  file.directory:
    - user: multilog
    - mode: '0750'
    - makedirs: True
{% for script, source in [("run", "run"), ("log/run", "log")] %}
/var/svc.d/{{ name }}/{{ script }}:
  file.managed:
    - source: salt://plain/files/{{ name }}.{{ source }}
    - mode: '0755'
    - makedirs: True
{% endfor %}
/etc/service/{{ name }}:
  file.symlink:
    - target: /var/svc.d/{{ name }}

svc -t /etc/service/{{ name }}:
  cmd.run:
    - onchanges:
      - file: /var/svc.d/{{ name }}/run
{% endfor %}
net.ipv4.ip_local_port_range:
  sysctl.present:
    - value: 49152 65535
    - config: /etc/sysctl.d/60-gateway.conf

/etc/nftables.d/gateway.nft:
  file.managed:
    - source: salt://plain/files/gateway.nft
    - makedirs: True

/etc/nftables.conf:
  file.append:
    - text: include "/etc/nftables.d/gateway.nft"

nft -f /etc/nftables.d/gateway.nft:
  cmd.run:
    - unless: nft list table ip gateway
