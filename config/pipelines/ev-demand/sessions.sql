-- Every source in one shape; $site chooses the series that are learned. An open session has no end yet: it is in no hour.
select series, session, connected, charge_start, charge_end, energy
from (
  select 'caltech' as series, session, connected, charge_start, charge_end, energy from caltech
  union all
  select 'norway-' || location, session, charge_start, charge_start, charge_end, energy from norway
  union all
  select 'trondheim-' || garage, cast(session as varchar), charge_start, charge_start, charge_end, energy from trondheim
)
where series like $site
