select 'z_score' as name, "precision", recall, f1
from self
where operators = 'judged on' and scope = 'with a value' and method = 'z-score'
