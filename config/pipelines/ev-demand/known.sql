select * from self where kwh is not null
