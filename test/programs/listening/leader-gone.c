// The thread that listens outlives the first one of its process.
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void* serve(void* unused) {
  char line[64];
  usleep(200 * 1000);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listener, (void*)&address, sizeof address) != 0) exit(3);
  if (listen(listener, 5) != 0) exit(4);
  int connection = accept(listener, NULL, NULL);
  if (connection < 0 || read(connection, line, sizeof line) <= 0) exit(5);
  if (write(connection, "ok\n", 3) != 3) exit(6);
  close(connection);
  exit(0);
  return unused;
}

int main(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, serve, NULL) != 0) return 1;
  pthread_exit(NULL);
}
