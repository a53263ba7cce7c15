# `make ftp.cdb` compiles ftp.rules; tcpserver reads the new rules at the next connection.
.SUFFIXES: .rules .cdb

# Salt takes the same lock. Only then is ftp.rules opened, or old rules could come back. setlock is
# where daemontools is, and waits; flock(1) is not on BSD.
.rules.cdb:
	setlock .lock sh -c 'tcprules $@ $@.tmp <$<'
