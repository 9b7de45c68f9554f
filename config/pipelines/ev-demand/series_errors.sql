-- Each model by series; a series whose naive forecast never erred in training has no scaled error.
select
  series,
  model,
  count(*) as n,
  cast(sum(cast(abs(prediction - kwh) as decimal(38, 9))) as double) / count(*) as mae,
  case when any_value(naive_mae) > 0 then mae / any_value(naive_mae) end as mase
from self group by series, model
