select ba, ts, raw_mw, flag, off_usual, spike, category from self where flag is not null
