package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/pkg/sftp"
)

// node is what stands at one place of the tree; whatever is below the root is one.
type node struct {
	fs.Inode
	client *sftp.Client
	base   string

	mutex sync.Mutex
	attr  fuse.Attr
}

// file is an open one.
type file struct {
	*sftp.File
	node *node
}

func (n *node) path(name string) string {
	return path.Join(n.base, n.Path(nil), name)
}

// child is the node below this one that a name stands for; the one that is known, if it is still of the same kind.
func (n *node) child(ctx context.Context, name string, attr fuse.Attr, out *fuse.EntryOut) *fs.Inode {
	kind := attr.Mode & syscall.S_IFMT
	out.Attr = attr
	if known := n.GetChild(name); known != nil && known.StableAttr().Mode == kind {
		other := known.Operations().(*node)
		other.mutex.Lock()
		other.attr = attr
		other.mutex.Unlock()
		return known
	}
	return n.NewInode(ctx, &node{client: n.client, base: n.base, attr: attr}, fs.StableAttr{Mode: kind})
}

// made is what a new file or folder is: a folder hands on its group where it is set to.
func (n *node) made(mode uint32) fuse.Attr {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	attr := fuse.Attr{Mode: mode, Nlink: 1, Blksize: 4096, Owner: fuse.Owner{Uid: uint32(os.Geteuid()), Gid: uint32(os.Getegid())}}
	now := time.Now().Truncate(time.Second)
	attr.SetTimes(&now, &now, &now)
	if n.attr.Mode&syscall.S_ISGID != 0 {
		attr.Gid = n.attr.Gid
		if mode&syscall.S_IFMT == syscall.S_IFDIR {
			attr.Mode |= syscall.S_ISGID
		}
	}
	return attr
}

// permit sets the permissions of what was made with others. SFTP wants a request of its own for that, NFS does not: nobody
// waits for the answer but who asks for something else to be set.
func (n *node) permit(made *fs.Inode, name string, mode uint32) {
	other := made.Operations().(*node)
	other.mutex.Lock()
	go func() {
		defer other.mutex.Unlock()
		_ = n.client.Chmod(n.path(name), modeOf(mode))
	}()
}

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	info, err := n.client.Lstat(n.path(name))
	if err != nil {
		return nil, errno(err)
	}
	return n.child(ctx, name, attrOf(info), out), 0
}

func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	info, err := n.client.Lstat(n.path(""))
	if err != nil {
		return errno(err)
	}
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.attr = attrOf(info)
	out.Attr = n.attr
	return 0
}

func (n *node) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if size, ok := in.GetSize(); ok {
		if err := n.client.Truncate(n.path(""), int64(size)); err != nil {
			return errno(err)
		}
		n.attr.Size = size
		n.attr.Blocks = (size + 511) / 512
	}
	uid, isUser := in.GetUID()
	gid, isGroup := in.GetGID()
	if isUser || isGroup {
		if !isUser {
			uid = n.attr.Uid
		}
		if !isGroup {
			gid = n.attr.Gid
		}
		if err := n.client.Chown(n.path(""), int(uid), int(gid)); err != nil {
			return errno(err)
		}
		n.attr.Owner = fuse.Owner{Uid: uid, Gid: gid}
	}
	if mode, ok := in.GetMode(); ok {
		if err := n.client.Chmod(n.path(""), modeOf(mode)); err != nil {
			return errno(err)
		}
		n.attr.Mode = n.attr.Mode&syscall.S_IFMT | mode&07777
	}
	if modified, ok := in.GetMTime(); ok {
		accessed, ok := in.GetATime()
		if !ok {
			accessed = modified
		}
		if err := n.client.Chtimes(n.path(""), accessed, modified); err != nil {
			return errno(err)
		}
		accessed, modified = accessed.Truncate(time.Second), modified.Truncate(time.Second)
		n.attr.SetTimes(&accessed, &modified, nil)
	}
	out.Attr = n.attr
	return 0
}

func (n *node) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	infos, err := n.client.ReadDir(n.path(""))
	if err != nil {
		return nil, errno(err)
	}
	entries := make([]fuse.DirEntry, 0, len(infos))
	for _, info := range infos {
		entries = append(entries, fuse.DirEntry{Name: info.Name(), Mode: attrOf(info).Mode & syscall.S_IFMT})
	}
	return fs.NewListDirStream(entries), 0
}

func (n *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	opened, err := n.client.OpenFile(n.path(""), int(flags)&^syscall.O_APPEND)
	if err != nil {
		return nil, 0, errno(err)
	}
	return &file{opened, n}, 0, 0
}

func (n *node) Create(
	ctx context.Context, name string, flags uint32, mode uint32, out *fuse.EntryOut,
) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	opened, err := n.client.OpenFile(n.path(name), int(flags)&^syscall.O_APPEND|os.O_CREATE)
	if err != nil {
		return nil, nil, 0, errno(err)
	}
	made := n.child(ctx, name, n.made(syscall.S_IFREG|mode&07777), out)
	if mode&07777 != 0644 {
		n.permit(made, name, mode)
	}
	return made, &file{opened, made.Operations().(*node)}, 0, 0
}

func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if err := n.client.Mkdir(n.path(name)); err != nil {
		return nil, errno(err)
	}
	made := n.child(ctx, name, n.made(syscall.S_IFDIR|mode&07777), out)
	if out.Attr.Mode&07777 != 0755 {
		n.permit(made, name, out.Attr.Mode)
	}
	return made, 0
}

func (n *node) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	other := target.(*node)
	if err := n.client.Link(other.path(""), n.path(name)); err != nil {
		return nil, errno(err)
	}
	other.mutex.Lock()
	attr := other.attr
	other.mutex.Unlock()
	return n.child(ctx, name, attr, out), 0
}

func (n *node) Unlink(_ context.Context, name string) syscall.Errno {
	return errno(n.client.Remove(n.path(name)))
}

func (n *node) Rmdir(_ context.Context, name string) syscall.Errno {
	return errno(n.client.RemoveDirectory(n.path(name)))
}

func (n *node) Rename(_ context.Context, name string, parent fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if flags != 0 {
		return syscall.EINVAL
	}
	return errno(n.client.PosixRename(n.path(name), parent.(*node).path(newName)))
}

// Fsync has nothing left to do for a folder.
func (n *node) Fsync(_ context.Context, handle fs.FileHandle, _ uint32) syscall.Errno {
	if opened, ok := handle.(*file); ok {
		return errno(opened.Sync())
	}
	return 0
}

// Setxattr and Removexattr: SFTP knows no such attributes, which the kernel is to remember.
func (n *node) Setxattr(context.Context, string, []byte, uint32) syscall.Errno {
	return syscall.ENOSYS
}

func (n *node) Removexattr(context.Context, string) syscall.Errno {
	return syscall.ENOSYS
}

func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	status, err := n.client.StatVFS(n.base)
	if err != nil {
		return errno(err)
	}
	out.Blocks, out.Bfree, out.Bavail = status.Blocks, status.Bfree, status.Bavail
	out.Files, out.Ffree = status.Files, status.Ffree
	out.Bsize, out.Frsize, out.NameLen = uint32(status.Bsize), uint32(status.Frsize), uint32(status.Namemax)
	return 0
}

func (f *file) Read(_ context.Context, buffer []byte, position int64) (fuse.ReadResult, syscall.Errno) {
	count, err := f.ReadAt(buffer, position)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errno(err)
	}
	return fuse.ReadResultData(buffer[:count]), 0
}

func (f *file) Write(_ context.Context, bytes []byte, position int64) (uint32, syscall.Errno) {
	count, err := f.WriteAt(bytes, position)
	f.node.mutex.Lock()
	defer f.node.mutex.Unlock()
	if end := uint64(position) + uint64(count); end > f.node.attr.Size {
		f.node.attr.Size = end
		f.node.attr.Blocks = (end + 511) / 512
	}
	return uint32(count), errno(err)
}

func (f *file) Release(context.Context) syscall.Errno {
	return errno(f.Close())
}

func attrOf(info os.FileInfo) fuse.Attr {
	status, ok := info.Sys().(*sftp.FileStat)
	if !ok {
		return fuse.Attr{}
	}
	return fuse.Attr{
		Mode: status.Mode, Size: status.Size, Blocks: (status.Size + 511) / 512, Blksize: 4096, Nlink: 1,
		Mtime: uint64(status.Mtime), Atime: uint64(status.Atime), Ctime: uint64(status.Mtime),
		Owner: fuse.Owner{Uid: status.UID, Gid: status.GID},
	}
}

// modeOf gives permissions the form that Go has for them.
func modeOf(mode uint32) os.FileMode {
	result := os.FileMode(mode & 0777)
	for bit, flag := range map[uint32]os.FileMode{
		syscall.S_ISUID: os.ModeSetuid, syscall.S_ISGID: os.ModeSetgid, syscall.S_ISVTX: os.ModeSticky,
	} {
		if mode&bit != 0 {
			result |= flag
		}
	}
	return result
}

func errno(err error) syscall.Errno {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, os.ErrNotExist):
		return syscall.ENOENT
	case errors.Is(err, os.ErrPermission):
		return syscall.EACCES
	default:
		return syscall.EIO
	}
}
