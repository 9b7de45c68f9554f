select
  t.geoid,
  t.county,
  t.state,
  t.cbsa,
  p.score,
  row_number() over (order by p.score desc, t.geoid) as rank,
  row_number() over (partition by t.state order by p.score desc, t.geoid) as rank_state,
  row_number() over (partition by t.county order by p.score desc, t.geoid) as rank_county,
  t.existing_1mi,
  t.existing_5mi,
  t.existing_10mi,
  t.existing_25mi,
  t.nearest_existing_m,
  t.existing_tract,
  t.tracts_5mi,
  t.tracts_25mi,
  t.new_stations,
  o.prediction as oof_prediction,
  t.fold,
  t.eligible_30c,
  t.lat,
  t.lon,
  t.aland_m2
from self as t
join predictions as p on p.geoid = t.geoid
join oof_predictions as o on o.geoid = t.geoid
