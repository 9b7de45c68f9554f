-- Energy, peak and forecast of each operator by day. Sums are of decimals, as those of floating-point numbers depend on
-- their order. An hour's forecast counts where it is positive. The last columns are what a month is made of.
with hours as (
  select
    _partition,
    ba,
    ts,
    cast(ts as date) as day,
    category,
    cast(cleaned_mw as decimal(18, 6)) as mw,
    case when forecast_mw > 0 then cast(forecast_mw as decimal(18, 6)) end as forecast
  from self
), sums as (
  select
    _partition,
    ba,
    day,
    cast(sum(mw) as double) as energy_mwh,
    cast(max(mw) as double) as peak_mw,
    arg_min(ts, (-mw, ts)) as peak_hour,
    count(*) as n_hours,
    count(forecast) as forecast_hours,
    count(*) filter (where category <> 'OKAY') as not_okay_hours,
    cast(sum(abs(forecast - mw)) as double) as forecast_error_mwh,
    cast(sum(mw) filter (where forecast is not null) as double) as forecast_of_mwh
  from hours
  group by _partition, ba, day
)
select
  _partition,
  ba,
  day,
  energy_mwh,
  peak_mw,
  peak_hour,
  energy_mwh / n_hours / nullif(peak_mw, 0) as load_factor,
  forecast_error_mwh / nullif(forecast_of_mwh, 0) as forecast_wape,
  n_hours - forecast_hours as forecast_bad_hours,
  not_okay_hours / n_hours as not_okay_share,
  cast(date_trunc('month', day) as date) as month,
  n_hours,
  not_okay_hours,
  forecast_error_mwh,
  forecast_of_mwh
from sums
