-- Which of the publisher's marks are found, and which flags he did not set.
select category, coalesce(flag, 'none') as flag, count(*) as n_hours
from self
where flag is not null or category <> 'OKAY'
group by category, flag
