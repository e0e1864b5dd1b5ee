module understudy/far

go 1.24

require (
	github.com/hanwen/go-fuse/v2 v2.7.2
	github.com/pkg/sftp v1.13.9
)

require (
	github.com/kr/fs v0.1.0 // indirect
	golang.org/x/crypto v0.31.0 // indirect
	golang.org/x/sys v0.28.0 // indirect
)
