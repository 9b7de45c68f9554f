-- One series a station; the 24 hours after the last one are to be foretold: they have a place in time, and no value.
with long as (
  select 'MEL-' || station[2:] as series, ts, kwh from mel_long
  union all
  select 'SPO-' || station[2:], ts, kwh from spo_long
)
select series, ts, kwh, false as is_ahead from long
union all
select series, max(ts) + to_hours(cast(step as integer)), null, true
from long cross join range(1, 25) as ahead(step)
group by series, step
