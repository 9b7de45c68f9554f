-- How good the ranges are, by how far ahead they look: pinball loss of each quantile, and the share of hours inside.
with missed as (
  select horizon, kwh, p10, p50, p90, same_hour_week, kwh - p10 as over10, kwh - p50 as over50, kwh - p90 as over90 from self
)
select
  horizon,
  count(*) as n,
  cast(sum(cast(abs(over50) as decimal(38, 9))) as double) / count(*) as mae,
  cast(sum(cast(abs(kwh - same_hour_week) as decimal(38, 9))) as double) / count(same_hour_week) as mae_lag_168,
  cast(sum(cast(greatest(0.1 * over10, -0.9 * over10) as decimal(38, 9))) as double) / count(*) as pinball_10,
  cast(sum(cast(greatest(0.5 * over50, -0.5 * over50) as decimal(38, 9))) as double) / count(*) as pinball_50,
  cast(sum(cast(greatest(0.9 * over90, -0.1 * over90) as decimal(38, 9))) as double) / count(*) as pinball_90,
  cast(count(*) filter (where kwh between p10 and p90) as double) / count(*) as coverage,
  cast(count(*) filter (where kwh <= p10) as double) / count(*) as below_10,
  cast(count(*) filter (where kwh <= p90) as double) / count(*) as below_90
from missed group by horizon
