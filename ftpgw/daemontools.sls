# daemontools from its author's sources, where the system has no package of it: /package and /command.
{%- if "__master_opts__" in opts or not salt["file.file_exists"](opts.extension_modules ~ "/modules/_version.py") %}
{%-   from "ftpgw/map.jinja" import ftpgw with context %}
{%- else %}{% do salt["ftpgw.sync"](saltenv) %}{% set ftpgw = salt["ftpgw.settings"](saltenv=saltenv) %}{% endif %}
include:
  - ftpgw.ready
{%- set source = ftpgw.daemontools.source %}
{%- set folder = "/package/admin/daemontools-0.76" %}

ftpgw has a place for what is built here:
  file.directory:
    - name: /package
    - user: root
    - mode: '1755'

ftpgw has the sources of daemontools:
  archive.extracted:
    - name: /package
    - source: {{ source | json }}
    - source_hash: {{ ftpgw.daemontools.hash | json }}
    - enforce_toplevel: False
    - require:
      - file: ftpgw has a place for what is built here

# They declare errno themselves, and functions as C did in 1989.
ftpgw has a C compiler for daemontools:
  file.managed:
    - names:
      - {{ folder }}/src/conf-cc: [{contents: cc -std=gnu89 -O2 -include errno.h}]
      - {{ folder }}/src/conf-ld: [{contents: cc -s}]
    - user: root
    - mode: '0644'
    - require:
      - archive: ftpgw has the sources of daemontools

# The last of the links that package/upgrade makes is that to setlock.
ftpgw has built daemontools:
  cmd.run:
    - name: package/compile && package/upgrade
    - cwd: {{ folder }}
    - creates: /usr/local/bin/setlock
    - umask: '022'
    - require:
      - file: ftpgw has a C compiler for daemontools
