-- The mean of what the best model missed, by hour and weekday: above 0 where more came than was foretold.
select
  day_of_week,
  hour_of_day,
  count(*) as n,
  cast(sum(cast(kwh - prediction as decimal(38, 9))) as double) / count(*) as residual,
  cast(sum(cast(abs(kwh - prediction) as decimal(38, 9))) as double) / count(*) as mae
from self as t
where model = (select model from self group by model order by sum(cast(abs(prediction - kwh) as decimal(38, 9))), model limit 1)
group by day_of_week, hour_of_day
