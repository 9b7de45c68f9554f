-- One row a tract: where it is, what is known about it, and the folds that judge a model.
select
  t.geoid,
  substr(t.geoid, 1, 5) as county,
  substr(t.geoid, 1, 2) as state,
  x.cbsa,
  t.lat,
  t.lon,
  t.aland_m2,
  cast(substr(t.geoid, 1, 5) as integer) % 5 as fold,
  cast(substr(t.geoid, 1, 2) as integer) % 5 as fold_state,
  count(*) over (partition by substr(t.geoid, 1, 5)) as tracts_county,
  a.RxMinDis as t19_RxMinDis,
  a.RxTmDr as t19_RxTmDr,
  a.RxCntDr as t19_RxCntDr,
  a.NoIntP as t19_NoIntP,
  r.Rurality as ruca_Rurality,
  r.Ruca1 as ruca_Ruca1,
  r.Ruca2 as ruca_Ruca2,
  s.LimMobInd as sdoh_LimMobInd,
  s.MicaInd as sdoh_MicaInd,
  s.NeighbTyp as sdoh_NeighbTyp,
  s.SocEcAdvIn as sdoh_SocEcAdvIn,
  s.UrbCoreInd as sdoh_UrbCoreInd,
  c.TotPop as c_TotPop,
  c.MedInc as c_MedInc,
  c.PovP as c_PovP,
  c.UnempP as c_UnempP,
  c.EduP as c_EduP,
  c.NoIntP as c_NoIntP,
  c.VacantP as c_VacantP,
  c.RentalP as c_RentalP,
  e.eligible as eligible_30c
from self as t
left join cbsa as x on x.county = substr(t.geoid, 1, 5)
left join county_attributes as c on c.county = substr(t.geoid, 1, 5)
left join tract_access as a on a.geoid = t.geoid
left join tract_rurality as r on r.geoid = t.geoid
left join tract_social as s on s.geoid = t.geoid
left join eligibility as e on e.geoid = t.geoid
