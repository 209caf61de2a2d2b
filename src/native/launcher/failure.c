#include "failure.h"

#include <stdio.h>
#include <stdlib.h>

void fail(int code, const char* what, const char* which, const char* why) {
  fprintf(stderr, "tlspool wrap: %s%s%s%s%s\n", what, which ? " " : "", which ? which : "",
          why ? ": " : "", why ? why : "");
  exit(code);
}
