select * from self where is_test = 1 and is_judged
