// A file system that shows another folder, and fails where it is told to. Programs meet errors of a disk or a server on it that
// are real ones, of the kernel's.
//
//	faultfs FOLDER POINT FAULTS
//
// shows FOLDER at POINT until it is unmounted, and says when it does. FAULTS is a file with a list of faults as JSON, which
// counts as it is at each call.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// fault is what calls to some places end with.
type fault struct {
	// The call, as methods of node name it.
	Call string
	// Path below the folder, as path.Match takes it.
	Path string
	// Bytes of a file, or names of a folder, which the call gets before it fails.
	From int64
	// The error's number.
	Error syscall.Errno
}

var faultsFile string

// failing is what a call to a place ends with; 0 if nothing is wrong. It gets as far as reach, in bytes or names.
func failing(call, name string, reach int64) syscall.Errno {
	var faults []fault
	// Without a list, or with half of one that is just being written, nothing is wrong.
	if text, err := os.ReadFile(faultsFile); err != nil || json.Unmarshal(text, &faults) != nil {
		return 0
	}
	for _, one := range faults {
		if matches, _ := path.Match(one.Path, name); matches && one.Call == call && reach > one.From {
			return one.Error
		}
	}
	return 0
}

func main() {
	if len(os.Args) != 4 {
		end("usage: faultfs FOLDER POINT FAULTS")
	}
	folder, point := os.Args[1], os.Args[2]
	faultsFile = os.Args[3]
	var status syscall.Stat_t
	if err := syscall.Stat(folder, &status); err != nil {
		end(err)
	}
	root := &fs.LoopbackRoot{Path: folder, Dev: uint64(status.Dev)}
	root.NewNode = func(root *fs.LoopbackRoot, _ *fs.Inode, _ string, _ *syscall.Stat_t) fs.InodeEmbedder {
		return &node{fs.LoopbackNode{RootData: root}}
	}
	top := root.NewNode(root, nil, "", &status)
	root.RootNode = top
	// Nothing is remembered by the kernel: each call comes here. Times of 0 are what is meant if they are left out.
	server, err := fs.Mount(point, top, &fs.Options{
		MountOptions: fuse.MountOptions{
			AllowOther:         true,
			DirectMountStrict:  true,
			DisableReadDirPlus: true,
			FsName:             folder,
			Name:               "faultfs",
		},
	})
	if err != nil {
		end(err)
	}
	fmt.Println("mounted")
	server.Wait()
}

func end(reason any) {
	fmt.Fprintln(os.Stderr, reason)
	os.Exit(1)
}
