-- A zone's name is that of its file without what all of them end in.
select regexp_replace(zone, '_hourly$', '') as zone, ts, mw from self
