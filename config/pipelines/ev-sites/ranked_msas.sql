select
  m.cbsa,
  n.name,
  m.score,
  row_number() over (order by m.score desc, m.cbsa) as rank,
  m.counties,
  m.existing,
  m.new_stations
from self as m
left join (select cbsa, min(cbsaname) as name from cbsa group by cbsa) as n on n.cbsa = m.cbsa
