-- What is known at an origin, beside what comes of each of the 24 hours that begin there. One origin in seven is learned
-- from, which is every hour of the day and of the week in its turn; all of the test's are foretold.
select
  o.series,
  o.ts as origin,
  cast(ahead.horizon as bigint) as horizon,
  t.ts,
  t.kwh,
  cast(epoch(o.ts) / 3600 as bigint) % 7 = 0 as is_learned,
  o.is_test as origin_is_test,
  case when t.kwh is null then null when t.ts > edge.last_training then 1 else 0 end as is_test,
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
  day.kwh as same_hour_day,
  t.lag_168 as same_hour_week,
  o.naive_mae
from self as o
cross join range(1, 25) as ahead(horizon)
cross join (select max(ts) filter (where is_test = 0) as last_training from self) as edge
join hours as t on t.series = o.series and t.ts = o.ts + to_hours(ahead.horizon - 1)
left join hours as day on day.series = o.series and day.ts = t.ts - to_hours(24)
where t.ts < o.ts + to_hours(24)
  and (o.kwh is null or o.is_test = 1 or cast(epoch(o.ts) / 3600 as bigint) % 7 = 0)
  and (o.kwh is null or t.kwh is not null)
