-- What every model and baseline said of the hours of the test.
with foretold as (
  select id, model, prediction from all_predictions where evaluation = 'test'
  union all
  select id, 'lag_1', lag_1 from history where is_test = 1
  union all
  select id, 'lag_168', lag_168 from history where is_test = 1
)
select h.series, h.ts, h.kwh, f.model, f.prediction, h.hour_of_day, h.day_of_week, h.naive_mae
from foretold as f join history as h on h.id = f.id
