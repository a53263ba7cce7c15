# For the master: salt-run state.orch ftpgw.rollout pillar='{rollout: {tgt: "gw*", canaries: [gw1], wave: 10%}}'
{#- What it calls comes first. -#}
{%- do salt["saltutil.runner"]("saltutil.sync_runners", saltenv=saltenv) %}
{%- do salt["saltutil.runner"]("saltutil.sync_output", saltenv=saltenv) %}
rollout:
  salt.runner:
    - name: ftpgw.rollout
{%- for key, value in pillar.rollout.items() %}
    - {{ key }}: {{ value | json }}
{%- endfor %}
