# `make ftp.cdb` compiles ftp.rules; tcpserver reads the new rules at the next connection.
.SUFFIXES: .rules .cdb

.rules.cdb:
	tcprules $@ $@.tmp <$<
