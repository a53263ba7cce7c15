#!/bin/sh -e
# The same gateway, as one types it at a root prompt after reading how it is done.
cd "$(dirname "$0")/files"

apt-get -qq install -y daemontools daemontools-run ucspi-tcp inetutils-ftpd ftp-proxy nftables
echo RUN_DAEMON=no >>/etc/default/ftp-proxy
[ ! -f /etc/inetd.conf ] || sed -i 's/^ftp/#&/' /etc/inetd.conf

useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin multilog
useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin ftpproxy
useradd --create-home --shell /usr/sbin/nologin --password "$(openssl passwd -6 'salt and spirits')" partner
echo partner >>/etc/ftpchroot
echo /usr/sbin/nologin >>/etc/shells
printf '%s\n' anonymous ftp root >>/etc/ftpusers
sed -i '1i auth required pam_listfile.so item=user sense=allow file=/etc/ftpchroot onerr=fail' /etc/pam.d/ftp

mkdir -p /etc/tcprules /etc/proxy-suite /etc/nftables.d /etc/service
cp gateway.conf /etc/proxy-suite/
for rules in ftp ftp-proxy; do
    cp "$rules.rules" /etc/tcprules/
    tcprules "/etc/tcprules/$rules.cdb" "/etc/tcprules/$rules.tmp" <"$rules.rules"
done

for service in open-ftpd ftp-proxy; do
    mkdir -p "/var/svc.d/$service/log" "/var/multilog/$service"
    chown multilog "/var/multilog/$service"
    install -m 755 "$service.run" "/var/svc.d/$service/run"
    install -m 755 "$service.log" "/var/svc.d/$service/log/run"
    ln -s "/var/svc.d/$service" /etc/service/
done

sysctl -qw net.ipv4.ip_local_port_range='49152 65535'
cp gateway.nft /etc/nftables.d/
echo 'include "/etc/nftables.d/gateway.nft"' >>/etc/nftables.conf
nft -f /etc/nftables.d/gateway.nft
