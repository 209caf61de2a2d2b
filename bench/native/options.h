// The command line of the load generator.
#ifndef BENCH_OPTIONS_H_
#define BENCH_OPTIONS_H_

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum key_type { KEY_EC_P256, KEY_RSA_2048 };

struct options {
  const char* measure;       // "up", "down", "handshakes", "ping-pong", "idle" or "plain"
  struct sockaddr_in proxy;  // --to ADDRESS:PORT
  const char* server_name;   // --name: SNI
  enum key_type key;         // --key: what the server's certificate must hold
  unsigned connections;      // --connections: at once, a thread each ("idle": in total)
  uint64_t bytes;            // --bytes: in total ("up", "down")
  double seconds;            // --seconds: length of the measured window
  double warm_up;            // --warm-up: seconds of the same load before it
  bool resume;               // --resume: offer the newest ticket each time ("handshakes")
  // --watch PID,…: processes whose CPU time is measured. "self" is this one; "wrapped" is this one,
  // its parent and its grandparent: what runs when `tlspool wrap` runs this.
  const int* watched;
  unsigned watched_count;
};

// Ends the program with 2 and a line of usage when the arguments make no sense.
struct options parse_options(int argc, char** argv);

#endif  // BENCH_OPTIONS_H_
