-- The flags against the publisher's own marks, beside a naive z-score. Thresholds were fixed on every second operator by
-- name; the others judge them. A missing value needs no method, so hours with a value are told apart.
with operators as (
  select ba, row_number() over (order by ba) % 2 = 1 as is_fixed_on from (select distinct ba from demand)
), judged as (
  select
    case when is_fixed_on then 'fixed on' else 'judged on' end as operators,
    raw_mw is not null as has_value,
    category <> 'OKAY' as is_marked,
    flag is not null as own,
    coalesce(z > $z_score, flag = 'missing', false) as z_score
  from self join operators using (ba)
), told as (
  select operators, has_value, is_marked, unnest(['own flags', 'z-score']) as method, unnest([own, z_score]) as is_flagged
  from judged
), counted as (
  select
    operators,
    scope,
    method,
    count(*) filter (where is_flagged) as flagged,
    count(*) filter (where is_marked) as marked,
    count(*) filter (where is_flagged and is_marked) as hits
  from (
    select *, 'all' as scope from told
    union all
    select *, 'with a value' from told where has_value
  )
  group by operators, scope, method
)
select
  operators,
  scope,
  method,
  flagged,
  marked,
  hits,
  hits / nullif(flagged, 0) as "precision",
  hits / nullif(marked, 0) as recall,
  2 * hits / nullif(flagged + marked, 0) as f1
from counted
