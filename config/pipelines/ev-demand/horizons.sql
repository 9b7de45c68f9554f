-- What is known at an origin, beside what comes of each of the 24 hours that begin there. What the last hour says soon fades,
-- so near hours have models of their own. A part of the origins is learned from, and each series takes other hours.
with edge as (
  select max(ts) filter (where is_test = 0) as last_training from self
), origins as materialized (
  -- Made before it is joined: by series alone, every hour would meet every other.
  select *, origin + to_hours(cast(horizon - 1 as integer)) as target_ts
  from (
    select
      series,
      ts as origin,
      horizon,
      kwh is null as is_newest,
      is_test as origin_is_test,
      cast(epoch(ts) / 3600 as bigint) + cast(hash(series) % 1000 as bigint) as turn,
      case when horizon <= 3 then horizon when horizon <= 6 then 4 else 5 end as band,
      turn % case when horizon = 1 then $every_first when horizon <= 6 then $every_near else $every_far end = 0 as is_learned,
      is_test = 1 and turn % $every_test = 0 as is_judged,
      lag_1 as origin_lag_1,
      lag_24 as origin_lag_24,
      columns('^(diff_lag1|n_sessions_lag1|avg_kwh_lag1|roll_mean_.*|roll_std_.*|naive_mae)$')
    from self cross join range(1, 25) as ahead(horizon)
  )
  where is_newest or is_judged or is_learned
)
select
  o.* exclude (is_newest, target_ts, turn),
  t.ts,
  t.kwh,
  case when t.kwh is not null then cast(t.ts > edge.last_training as integer) end as is_test,
  t.hour_of_day,
  t.day_of_week,
  t.month,
  t.is_weekend,
  t.hour_sin,
  t.hour_cos,
  t.lag_24 as same_hour_day,
  t.lag_168 as same_hour_week
from origins as o
cross join edge
join hourly as t on t.series = o.series and t.ts = o.target_ts
where o.is_newest or t.kwh is not null
