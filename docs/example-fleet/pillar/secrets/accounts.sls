# Hashes of passwords stand apart: in a repository that fewer people read, or encrypted, as with `#!yaml|gpg` as the
# first line of this file. Here the password is "salt and spirits".
ftpgw:
  accounts:
    partner:
      password: $6$ftpgwexample$GmmCzy8ENR4OIKHo1l44PUX4Nj3o.AaIZ/KLa98skZsRwAStJvCBzxrl8eDzQr4OuYPLeVEP9qKogIUOvYqQt/
