-- Rows whose inputs are all known. The last fifth of the hours is for the test; what is before it is cut into six stretches,
-- of which each but the first is foretold from those before it.
with complete as (
  select *, kwh is not null as is_known
  from self
  where (kwh is not null or is_ahead)
    and lag_1 + lag_24 + lag_168 + diff_lag1 + roll_mean_3h + roll_mean_6h
      + roll_mean_24h + roll_std_24h + roll_mean_168h + hour_dow_mean is not null
), placed as (
  select *, case when is_known then dense_rank() over (partition by is_known order by ts) end as place from complete
), counted as (
  select *, (max(place) over () * 8) // 10 as training from placed
)
select
  series || ' ' || strftime(ts, '%Y-%m-%dT%H') as id,
  * exclude (is_known, is_ahead, place, training),
  case when place > training then 1 when is_known then 0 end as is_test,
  case when place <= training then ((place - 1) * 6) // training end as fold,
  -- Decimals, as sums of floating-point numbers are other ones in another order.
  cast(sum(cast(abs(kwh - lag_168) as decimal(38, 9))) filter (where place <= training) over (partition by series) as double)
    / nullif(count(*) filter (where place <= training) over (partition by series), 0) as naive_mae
from counted
