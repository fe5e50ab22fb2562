module skein.test/jsonrpc-interop

go 1.26.0
