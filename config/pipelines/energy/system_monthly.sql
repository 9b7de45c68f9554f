-- Mean power of all operators together, and how well they foretold their own demand.
select
  month,
  cast(sum(cast(energy_mwh as decimal(18, 6))) as double) / (24 * count(distinct day)) as mean_mw,
  cast(sum(cast(forecast_error_mwh as decimal(18, 6))) as double)
    / nullif(cast(sum(cast(forecast_of_mwh as decimal(18, 6))) as double), 0) as forecast_wape
from self
group by month
