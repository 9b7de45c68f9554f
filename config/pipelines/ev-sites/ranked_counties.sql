select
  county,
  state,
  cbsa,
  score,
  row_number() over (order by score desc, county) as rank,
  tracts,
  existing,
  new_stations
from self
