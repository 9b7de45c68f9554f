-- A site inside an excluding fence, or outside every including one where there are any, keeps its figures but no rank.
with judged as (
  select
    *,
    excluding_fence is not null
      or (including_fence is null and exists (select 1 from fences where mode = 'include')) as excluded,
    case
      when excluding_fence is not null then 'inside excluded fence ' || excluding_fence
      when including_fence is null and exists (select 1 from fences where mode = 'include') then 'outside every included fence'
      when score is null then 'no tract reaches the 5-mile buffer'
    end as reason
  from self
),
ranked as (
  select
    site_id,
    row_number() over (partition by state order by score desc, site_id) as rank_state,
    row_number() over (partition by county order by score desc, site_id) as rank_county,
    case when cbsa is not null then row_number() over (partition by cbsa order by score desc, site_id) end as rank_cbsa
  from judged
  where not excluded and score is not null
)
select
  j.site_id,
  j.lat,
  j.lon,
  j.geoid,
  j.county,
  j.state,
  j.cbsa,
  j.score,
  r.rank_state,
  r.rank_county,
  r.rank_cbsa,
  j.tracts_1mi,
  j.tracts_5mi,
  j.excluded,
  j.reason
from judged as j
left join ranked as r on r.site_id = j.site_id
