package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

// A client without a C library, that resolves names itself: fifty connections at once to the host
// and port that it is told. It prints how many of them got what they sent.
func main() {
	place := net.JoinHostPort(os.Args[1], os.Args[2])
	answers := make(chan error)
	var ready sync.WaitGroup
	ready.Add(50)
	for i := 0; i < 50; i++ {
		go func(i int) {
			ready.Done()
			ready.Wait()
			answers <- exchange(place, fmt.Sprintf("connection %d", i))
		}(i)
	}
	good := 0
	var last error
	for i := 0; i < 50; i++ {
		if err := <-answers; err == nil {
			good++
		} else {
			last = err
		}
	}
	fmt.Println(good)
	if last != nil {
		fmt.Fprintln(os.Stderr, last)
		os.Exit(1)
	}
}

func exchange(place string, words string) error {
	socket, err := net.Dial("tcp", place)
	if err != nil {
		return err
	}
	defer socket.Close()
	if _, err := io.WriteString(socket, words); err != nil {
		return err
	}
	if err := socket.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	heard, err := io.ReadAll(socket)
	if err == nil && string(heard) != words {
		err = fmt.Errorf("sent %q, heard %q", words, heard)
	}
	return err
}
