// Fetches a page over HTTP, as plainly as the C library does it: fetch HOST PORT
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  int unknown = getaddrinfo(argv[1], argv[2], &hints, &found);
  if (unknown != 0) {
    fprintf(stderr, "%s: %s\n", argv[1], gai_strerror(unknown));
    return 1;
  }
  int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
    perror("connect");
    return 1;
  }
  static const char request[] = "GET / HTTP/1.0\r\n\r\n";
  if (write(fd, request, sizeof request - 1) != (ssize_t)sizeof request - 1) return 1;
  char page[4096];
  ssize_t length;
  while ((length = read(fd, page, sizeof page)) > 0) fwrite(page, 1, (size_t)length, stdout);
  freeaddrinfo(found);
  return length == 0 ? 0 : 1;
}
