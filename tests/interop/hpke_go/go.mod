module exchange.example/hpke_go

go 1.26.0
