-- The same by month, of the days.
with sums as (
  select
    _partition,
    ba,
    month,
    cast(sum(cast(energy_mwh as decimal(18, 6))) as double) as energy_mwh,
    max(peak_mw) as peak_mw,
    arg_min(peak_hour, (-peak_mw, peak_hour)) as peak_hour,
    cast(sum(n_hours) as bigint) as n_hours,
    cast(sum(forecast_bad_hours) as bigint) as forecast_bad_hours,
    cast(sum(not_okay_hours) as bigint) as not_okay_hours,
    cast(sum(cast(forecast_error_mwh as decimal(18, 6))) as double) as forecast_error_mwh,
    cast(sum(cast(forecast_of_mwh as decimal(18, 6))) as double) as forecast_of_mwh
  from self
  group by _partition, ba, month
)
select
  _partition,
  ba,
  month,
  energy_mwh,
  peak_mw,
  peak_hour,
  energy_mwh / n_hours / nullif(peak_mw, 0) as load_factor,
  forecast_error_mwh / nullif(forecast_of_mwh, 0) as forecast_wape,
  forecast_bad_hours,
  not_okay_hours / n_hours as not_okay_share
from sums
