-- What all operators together took, and how many of them are counted.
select
  _partition,
  ts,
  cast(sum(cast(cleaned_mw as decimal(18, 6))) as double) as demand_mw,
  count(*) as operators
from self
group by _partition, ts
