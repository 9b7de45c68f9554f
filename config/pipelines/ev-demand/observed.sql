-- A month of the calendar without a single session was not observed, which is not the same as nobody charging. The 24 hours
-- after the last one are to be foretold: they have a place in time, and no value.
with months as (
  select *, sum(n_charging) over (partition by series, date_trunc('month', ts)) > 0 as is_observed
  from self
)
select
  series,
  ts,
  case when is_observed then kwh end as kwh,
  case when is_observed then n_sessions end as n_sessions,
  case when is_observed and n_charging > 0 then kwh / n_charging when is_observed then 0 end as avg_kwh,
  false as is_ahead
from months
union all
select series, max(ts) + to_hours(step), null, null, null, true
from self cross join range(1, 25) as ahead(step)
group by series, step
