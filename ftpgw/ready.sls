# The custom modules are on the minion and pillar makes sense: before that nothing is touched.
{%- from "ftpgw/map.jinja" import ftpgw with context %}

# Rendering syncs, because with test=True a state would not, and the states below could not predict anything. What knows
# how to do so only where something differs may be missing itself.
{%- if salt["file.file_exists"](opts.extension_modules ~ "/modules/modulesync.py") %}
{%-   set new = salt["modulesync.sync"](saltenv) %}
{%- else %}
{%-   set new = salt["saltutil.sync_modules"](saltenv, refresh=False) + salt["saltutil.sync_states"](saltenv, refresh=False) %}
{%- endif %}
{%- if new %}
ftpgw modules are new on this minion:
  test.nop:
    - force_reload_modules: True
{%- endif %}

ftpgw settings make sense:
  ftpgw.checked:
    - settings: {{ ftpgw | json(False) }}
    - failhard: True
