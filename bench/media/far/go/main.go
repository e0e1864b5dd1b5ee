// A file system that is far away: mounts a folder of this machine by SFTP, at the other end of a wire that everything takes
// a while to pass. Any number of calls may be under way, names and attributes are good for a second, and what is written
// goes through, as on an NFS export. A part of the bench.
package main

import (
	"bytes"
	"flag"
	"io"
	"log"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/pkg/sftp"
)

func main() {
	server := flag.String("server", "", "program that speaks SFTP on its standard streams")
	folder := flag.String("folder", "", "what is mounted")
	point := flag.String("point", "", "where it is mounted")
	readOnly := flag.Bool("read-only", false, "whether nothing may be written")
	delay := flag.Duration("delay", time.Millisecond, "how long everything takes, each way")
	flag.Parse()

	client, err := connect(*server, *delay)
	check(err)
	attr, err := client.Lstat(*folder)
	check(err)

	valid := time.Second
	options := &fs.Options{AttrTimeout: &valid, EntryTimeout: &valid}
	options.MountOptions = fuse.MountOptions{
		FsName: "far", Name: "sftp",
		AllowOther: true, DirectMount: true,
		// Listing a folder would ask for each name in turn.
		DisableReadDirPlus: true, DisableXAttrs: true,
		MaxBackground: 256, MaxWrite: 1 << 17,
	}
	options.DirectMountFlags = syscall.MS_NOSUID | syscall.MS_NODEV
	if *readOnly {
		options.DirectMountFlags |= syscall.MS_RDONLY
	}
	root := &node{client: client, base: *folder, attr: attrOf(attr)}
	_, err = fs.Mount(*point, root, options)
	check(err)
	_, err = os.Stdout.WriteString("mounted\n")
	check(err)
	// It is there as long as whoever has asked for it.
	_, _ = io.Copy(io.Discard, os.Stdin)
	check(syscall.Unmount(*point, syscall.MNT_DETACH))
}

// connect starts a server at the other end of the wire.
func connect(program string, delay time.Duration) (*sftp.Client, error) {
	server := exec.Command(program)
	input, err := server.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := server.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := server.Start(); err != nil {
		return nil, err
	}
	there, ours := io.Pipe()
	theirs, here := io.Pipe()
	go carry(there, input, delay)
	go carry(output, here, delay)
	return sftp.NewClientPipe(theirs, ours, sftp.UseConcurrentWrites(true))
}

type piece struct {
	due   time.Time
	bytes []byte
}

// carry brings each piece when its time has come; what follows is under way meanwhile.
func carry(from io.Reader, to io.WriteCloser, delay time.Duration) {
	wire := make(chan piece, 1<<16)
	go func() {
		defer close(wire)
		buffer := make([]byte, 1<<17)
		for {
			count, err := from.Read(buffer)
			if err != nil {
				return
			}
			wire <- piece{time.Now().Add(delay), bytes.Clone(buffer[:count])}
		}
	}()
	for piece := range wire {
		time.Sleep(time.Until(piece.due))
		if _, err := to.Write(piece.bytes); err != nil {
			break
		}
	}
	to.Close()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
