-- Every source in one shape; $site chooses the series that are learned. An open session has no end yet: it is in no hour.
select series, session, connected, began, ended, energy
from (
  select 'caltech' as series, session, connected, began, ended, energy from caltech
  union all
  select 'norway-' || location, session, began, began, ended, energy from norway
  union all
  select 'trondheim-' || garage, cast(session as varchar), began, began, ended, energy from trondheim
)
where series like $site
