-- Hours between the first and the last of a series that are not there. Most series lack none: only the others are looked at.
with hours as (
  select 'demand' as dataset, ba as series, ts from demand
  union all
  select 'pjm', zone, ts from pjm_hourly
), incomplete as (
  select dataset, series
  from hours
  group by dataset, series
  having count(*) < date_diff('hour', min(ts), max(ts)) + 1
), steps as (
  select dataset, series, ts, lead(ts) over (partition by dataset, series order by ts) as next
  from hours semi join incomplete using (dataset, series)
)
select dataset, series, unnest(range(ts + to_hours(1), next, to_hours(1))) as ts
from steps
where next > ts + to_hours(1)
