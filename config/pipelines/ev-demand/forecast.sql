select series, ts, horizon, p10, p50, p90 from self
