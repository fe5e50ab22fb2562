module skein.example/netrpc

go 1.21
