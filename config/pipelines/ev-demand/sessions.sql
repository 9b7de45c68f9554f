-- Every source in one shape; $site chooses the series that are learned.
select series, session, connected, began, ended, energy
from (select 'caltech' as series, session, connected, began, ended, energy from caltech)
where series like $site
