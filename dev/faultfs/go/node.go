package main

import (
	"context"
	"path"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// node is a place in the folder: what it is, unless a fault says otherwise.
type node struct{ fs.LoopbackNode }

func (n *node) name() string { return n.Path(n.Root()) }

// fails is what a call to the place itself ends with.
func (n *node) fails(call string) syscall.Errno { return failing(call, n.name(), 1) }

// failsAt is what a call to a name in the folder ends with.
func (n *node) failsAt(call, name string) syscall.Errno {
	return failing(call, path.Join(n.name(), name), 1)
}

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.failsAt("lstat", name); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Lookup(ctx, name, out)
}

func (n *node) Readlink(ctx context.Context) ([]byte, syscall.Errno) {
	if errno := n.fails("readlink"); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Readlink(ctx)
}

func (n *node) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.fails("open"); errno != 0 {
		return nil, 0, errno
	}
	handle, _, errno := n.LoopbackNode.Open(ctx, flags)
	return opened(handle), fuse.FOPEN_DIRECT_IO, errno
}

func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.failsAt("create", name); errno != 0 {
		return nil, nil, 0, errno
	}
	inode, handle, _, errno := n.LoopbackNode.Create(ctx, name, flags, mode, out)
	return inode, opened(handle), fuse.FOPEN_DIRECT_IO, errno
}

func (n *node) Read(ctx context.Context, handle fs.FileHandle, into []byte, from int64) (fuse.ReadResult, syscall.Errno) {
	if errno := failing("read", n.name(), from+int64(len(into))); errno != 0 {
		return nil, errno
	}
	return handle.(fs.FileReader).Read(ctx, into, from)
}

func (n *node) Writev(ctx context.Context, handle fs.FileHandle, data [][]byte, from int64) (uint32, syscall.Errno) {
	reach := from
	for _, piece := range data {
		reach += int64(len(piece))
	}
	if errno := failing("write", n.name(), reach); errno != 0 {
		return 0, errno
	}
	return handle.(fs.FileWritever).Writev(ctx, data, from)
}

func (n *node) Fsync(ctx context.Context, handle fs.FileHandle, flags uint32) syscall.Errno {
	if errno := n.fails("fsync"); errno != 0 {
		return errno
	}
	if file, ok := handle.(fs.FileFsyncer); ok {
		return file.Fsync(ctx, flags)
	}
	return 0
}

func (n *node) OpendirHandle(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.fails("opendir"); errno != 0 {
		return nil, 0, errno
	}
	handle, _, errno := n.LoopbackNode.OpendirHandle(ctx, flags)
	return &listing{handle, n, 0}, 0, errno
}

func (n *node) Setattr(ctx context.Context, handle fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	for call, bits := range map[string]uint32{
		"chmod":  fuse.FATTR_MODE,
		"chown":  fuse.FATTR_UID | fuse.FATTR_GID,
		"utimes": fuse.FATTR_MTIME,
	} {
		if in.Valid&bits != 0 {
			if errno := n.fails(call); errno != 0 {
				return errno
			}
		}
	}
	return n.LoopbackNode.Setattr(ctx, handle, in, out)
}

func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.failsAt("mkdir", name); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Mkdir(ctx, name, mode, out)
}

func (n *node) Symlink(ctx context.Context, target, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.failsAt("symlink", name); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Symlink(ctx, target, name, out)
}

func (n *node) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.failsAt("link", name); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Link(ctx, target, name, out)
}

func (n *node) Rename(ctx context.Context, name string, parent fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if errno := parent.(*node).failsAt("rename", newName); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Rename(ctx, name, parent, newName, flags)
}

func (n *node) Unlink(ctx context.Context, name string) syscall.Errno {
	if errno := n.failsAt("unlink", name); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Unlink(ctx, name)
}

func (n *node) Rmdir(ctx context.Context, name string) syscall.Errno {
	if errno := n.failsAt("rmdir", name); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Rmdir(ctx, name)
}

// file is an open one of which each piece passes through here.
type file struct{ *fs.LoopbackFile }

func (file) PassthroughFd() (int, bool) { return 0, false }

func opened(handle fs.FileHandle) fs.FileHandle {
	if open, ok := handle.(*fs.LoopbackFile); ok {
		return file{open}
	}
	return handle
}

// listing is an open folder.
type listing struct {
	fs.FileHandle
	folder *node
	given  int64
}

func (l *listing) Readdirent(ctx context.Context) (*fuse.DirEntry, syscall.Errno) {
	l.given++
	if errno := failing("readdir", l.folder.name(), l.given); errno != 0 {
		return nil, errno
	}
	return l.FileHandle.(fs.FileReaddirenter).Readdirent(ctx)
}

func (l *listing) Seekdir(ctx context.Context, to uint64) syscall.Errno {
	return l.FileHandle.(fs.FileSeekdirer).Seekdir(ctx, to)
}

func (l *listing) Releasedir(ctx context.Context, flags uint32) {
	l.FileHandle.(fs.FileReleasedirer).Releasedir(ctx, flags)
}
