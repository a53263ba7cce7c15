# Weakest first: what stands further down adds to the mappings above it, and its lists take their place.
base:
  '*':
    - ftpgw.common

  # Grains are what a minion says of itself: good enough for sites, never for secrets.
  'region:north':
    - match: grain
    - ftpgw.regions.north
  'region:south':
    - match: grain
    - ftpgw.regions.south

  # The id is the one thing that a key vouches for. Each gateway has a file of its own, by that name.
  'gw*':
    - ftpgw.gateways.{{ opts.id }}
    - secrets.accounts
