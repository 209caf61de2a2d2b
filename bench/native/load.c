// load MEASURE --to ADDRESS:PORT [options]
//
// Puts one kind of load on a TLS proxy in front of the backend (backend.c) and prints what it
// measured as one JSON object. measures.h lists the measures, options.h the options.

#include <err.h>
#include <signal.h>
#include <string.h>

#include "connection.h"
#include "measures.h"
#include "options.h"

int main(int argc, char** argv) {
  static const struct {
    const char* name;
    void (*run)(const struct options*);
  } kMeasures[] = {
      {"up", measure_bulk},
      {"down", measure_bulk},
      {"handshakes", measure_handshakes},
      {"ping-pong", measure_ping_pong},
      {"idle", measure_idle},
      {"plain", measure_plain},
  };
  struct options options = parse_options(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; i < sizeof kMeasures / sizeof *kMeasures; i++) {
    if (strcmp(options.measure, kMeasures[i].name) != 0) continue;
    connections_prepare(&options, kMeasures[i].run == measure_idle);
    kMeasures[i].run(&options);
    return 0;
  }
  errx(2, "no such measure: %s", options.measure);
}
