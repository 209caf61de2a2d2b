// Lets nobody of its own user look into it (PR_SET_DUMPABLE), and then wants to listen and to connect:
// ends with 0 if both were denied.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>

int main(void) {
  if (prctl(PR_SET_DUMPABLE, 0) != 0) return 2;
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&here, sizeof here) != 0) {
    perror("bind");
    return 1;
  }
  if (listen(listener, 1) == 0 || errno != EACCES) {
    perror("listen");
    return 1;
  }
  struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(443)};
  inet_pton(AF_INET, "192.0.2.1", &there.sin_addr);
  int client = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(client, (struct sockaddr *)&there, sizeof there) == 0 || errno != EACCES) {
    perror("connect");
    return 1;
  }
  return 0;
}
