-- Forecasts of the operators by themselves: over all hours with a forecast above 0, and by operator and day. Flags are told
-- of operators by which no threshold was fixed, at hours with a value.
with by_operator as (
  select
    ba,
    sum(cast(forecast_error_mwh as decimal(18, 6))) as error_mwh,
    sum(cast(forecast_of_mwh as decimal(18, 6))) as of_mwh,
    cast(error_mwh as double) / nullif(cast(of_mwh as double), 0) as wape_of_one
  from self
  group by ba
)
select
  'operators_own_forecast' as name,
  cast(sum(error_mwh) as double) / nullif(cast(sum(of_mwh) as double), 0) as wape,
  median(wape_of_one) as wape_median_operator,
  max(wape_of_one) as wape_worst_operator,
  (select median(forecast_wape) from self) as daily_wape_median,
  null as "precision",
  null as recall,
  null as f1
from by_operator
union all
select 'flags', null, null, null, null, "precision", recall, f1
from flag_scores
where operators = 'judged on' and scope = 'with a value' and method = 'own flags'
