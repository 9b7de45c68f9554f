select n.*, p.kwh as forecast from self as n join predictions as p on p.id = n.id
