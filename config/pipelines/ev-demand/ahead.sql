select * from self where kwh is null
