-- Hours whose raw value is unlike its surroundings, by what the raw column alone tells, and those that the publisher marked.
-- What is usual for an hour is the median of the day around it, as the operator's profile by hour of the day bends it;
-- how far off is told in ranges between the operator's quartiles. Sums of decimals do not depend on their order.
with placed as (
  select
    _partition,
    ba,
    ts,
    raw_mw,
    category,
    median(raw_mw) over (partition by _partition) as ba_median,
    count(raw_mw) over (partition by _partition) as n,
    cast(sum(cast(raw_mw as decimal(38, 6))) over (partition by _partition) as double) as total,
    cast(sum(cast(raw_mw * raw_mw as decimal(38, 6))) over (partition by _partition) as double) as squares,
    median(raw_mw) over (partition by _partition order by ts rows between 24 preceding and 24 following) as around,
    lag(ts) over (partition by _partition order by ts) = ts - to_hours(1) as follows,
    lead(ts) over (partition by _partition order by ts) = ts + to_hours(1) as is_followed,
    lag(raw_mw) over (partition by _partition order by ts) as previous
  from self
), profiled as (
  select
    *,
    raw_mw / nullif(around * median(raw_mw / nullif(around, 0)) over (partition by _partition, hour(ts)), 0) as ratio,
    sum(case when follows and raw_mw = previous then 0 else 1 end) over (partition by _partition order by ts rows unbounded preceding) as streak
  from placed
), stepped as (
  select
    *,
    case when follows then ratio - lag(ratio) over (partition by _partition order by ts) end as step_in,
    case when is_followed then lead(ratio) over (partition by _partition order by ts) - ratio end as step_out,
    row_number() over (partition by _partition, streak order by ts) as nth_of_streak,
    raw_mw > $global * ba_median as is_global
  from profiled
), scored as (
  select
    *,
    abs(ratio - 1) / nullif(quantile_cont(ratio, 0.75) over (partition by _partition) - quantile_cont(ratio, 0.25) over (partition by _partition), 0) as off_usual,
    case when step_in * step_out < 0 then least(abs(step_in), abs(step_out)) else 0 end
      / nullif(quantile_cont(step_in, 0.75) over (partition by _partition) - quantile_cont(step_in, 0.25) over (partition by _partition), 0) as spike,
    abs(raw_mw - total / n) / sqrt(nullif(greatest(squares - total / n * total, 0) / nullif(n - 1, 0), 0)) as z,
    (follows and lag(is_global) over (partition by _partition order by ts))
      or (is_followed and lead(is_global) over (partition by _partition order by ts)) as is_beside
  from stepped
), judged as (
  select
    _partition,
    ba,
    ts,
    raw_mw,
    case
      when raw_mw is null then 'missing'
      when raw_mw <= 0 then 'zero or negative'
      when nth_of_streak >= $stuck_from then 'identical run'
      when is_global then 'global'
      when is_beside then 'beside global'
      when spike > $spike then 'jump'
      when off_usual > $local then 'local'
    end as flag,
    off_usual,
    spike,
    z,
    category
  from scored
)
select * from judged where flag is not null or z > $z_score or category <> 'OKAY'
