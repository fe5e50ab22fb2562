//go:build tools

// What is built from its module beside the program.
package main

import _ "github.com/fullstorydev/grpcurl/cmd/grpcurl"
