-- What is known at an origin, beside what comes of each of the 24 hours that begin there. What the last hour says soon fades,
-- so near hours have models of their own. Of the origins a part is learned from, with every hour of the week in its turn: two
-- in five for near hours, one in seven for the others; all of the test's are foretold.
with edge as (
  select max(ts) filter (where is_test = 0) as last_training from self
), origins as materialized (
  -- Made before it is joined: by series alone, every hour would meet every other.
  select *, ts + to_hours(cast(horizon - 1 as integer)) as target
  from (
    select
      *,
      cast(epoch(ts) / 3600 as bigint) as hour,
      case when horizon = 1 then 1 when horizon <= 3 then 2 else 3 end as band,
      case when horizon <= 3 then hour % 5 < 2 else hour % 7 = 0 end as is_learned
    from self cross join range(1, 25) as ahead(horizon)
  )
  where kwh is null or is_test = 1 or is_learned
)
select
  o.series,
  o.ts as origin,
  o.horizon,
  o.band,
  t.ts,
  t.kwh,
  o.is_learned,
  o.is_test as origin_is_test,
  case when t.kwh is not null then cast(t.ts > edge.last_training as integer) end as is_test,
  o.lag_1 as origin_lag_1,
  o.lag_24 as origin_lag_24,
  o.diff_lag1,
  o.n_sessions_lag1,
  o.avg_kwh_lag1,
  o.roll_mean_3h,
  o.roll_mean_6h,
  o.roll_mean_24h,
  o.roll_std_24h,
  o.roll_mean_168h,
  t.hour_of_day,
  t.day_of_week,
  t.month,
  t.is_weekend,
  t.hour_sin,
  t.hour_cos,
  t.lag_24 as same_hour_day,
  t.lag_168 as same_hour_week,
  o.naive_mae
from origins as o
cross join edge
join hours as t on t.series = o.series and t.ts = o.target
where o.kwh is null or t.kwh is not null
