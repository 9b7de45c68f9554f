select * from self where is_test = 1 and origin_is_test = 1
