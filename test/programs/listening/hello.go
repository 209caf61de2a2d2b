package main

import (
	"bufio"
	"fmt"
	"net"
)

// A server without a C library: it makes its system calls itself.
func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go serve(client)
	}
}

func serve(client net.Conn) {
	defer client.Close()
	bufio.NewReader(client).ReadString('\n')
	fmt.Fprintf(client, "%s\n", client.RemoteAddr())
}
