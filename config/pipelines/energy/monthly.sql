-- The same by month, of the days.
select
  _partition,
  ba,
  month,
  cast(sum(cast(energy_mwh as decimal(18, 6))) as double) as energy_mwh,
  max(peak_mw) as peak_mw,
  arg_min(peak_hour, (-peak_mw, peak_hour)) as peak_hour,
  energy_mwh / sum(hours) / nullif(peak_mw, 0) as load_factor,
  cast(sum(cast(forecast_error_mwh as decimal(18, 6))) as double)
    / nullif(cast(sum(cast(forecast_of_mwh as decimal(18, 6))) as double), 0) as forecast_wape,
  cast(sum(forecast_bad_hours) as bigint) as forecast_bad_hours,
  cast(sum(not_okay_hours) as double) / sum(hours) as not_okay_share
from self
group by _partition, ba, month
