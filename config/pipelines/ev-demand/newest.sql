-- The hour that comes next, with all inputs of the model: what it is asked for as soon as somebody wants to know.
select * exclude (kwh, is_test, fold) from self where kwh is null
