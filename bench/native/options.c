#include "options.h"

#include <arpa/inet.h>
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct sockaddr_in parse_address(char* text) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  char* colon = strrchr(text, ':');
  if (colon == NULL) errx(2, "--to: expected ADDRESS:PORT, got \"%s\"", text);
  *colon = '\0';
  if (inet_pton(AF_INET, text, &address.sin_addr) != 1) errx(2, "--to: no IPv4 address: %s", text);
  address.sin_port = htons((uint16_t)atoi(colon + 1));
  return address;
}

static enum key_type parse_key(const char* text) {
  if (strcmp(text, "ec-p256") == 0) return KEY_EC_P256;
  if (strcmp(text, "rsa-2048") == 0) return KEY_RSA_2048;
  errx(2, "--key: expected ec-p256 or rsa-2048, got \"%s\"", text);
}

static int parent_of(int pid) {
  char path[32], line[256];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE* file = fopen(path, "r");
  if (file == NULL || fgets(line, sizeof line, file) == NULL) err(1, "%s", path);
  fclose(file);
  // pid (name) state parent …; the name may hold anything.
  char* end = strrchr(line, ')');
  int parent = 0;
  if (end == NULL || sscanf(end + 1, " %*c %d", &parent) != 1) errx(1, "%s: %s", path, line);
  return parent;
}

static void watch(struct options* options, int pid) {
  int* pids = realloc((void*)options->watched, (options->watched_count + 1) * sizeof *pids);
  if (pids == NULL) err(1, "realloc");
  pids[options->watched_count++] = pid;
  options->watched = pids;
}

static void parse_watched(char* text, struct options* options) {
  for (char* word = strtok(text, ","); word != NULL; word = strtok(NULL, ",")) {
    bool wrapped = strcmp(word, "wrapped") == 0;
    watch(options, wrapped || strcmp(word, "self") == 0 ? getpid() : atoi(word));
    if (!wrapped) continue;
    watch(options, getppid());
    watch(options, parent_of(getppid()));
  }
}

struct options parse_options(int argc, char** argv) {
  static const struct option kLong[] = {
      {"to", required_argument, NULL, 't'},      {"name", required_argument, NULL, 'n'},
      {"key", required_argument, NULL, 'k'},     {"connections", required_argument, NULL, 'c'},
      {"bytes", required_argument, NULL, 'b'},   {"seconds", required_argument, NULL, 's'},
      {"warm-up", required_argument, NULL, 'u'}, {"watch", required_argument, NULL, 'w'},
      {"resume", no_argument, NULL, 'r'},        {NULL, 0, NULL, 0},
  };
  struct options options = {.server_name = "localhost", .connections = 1, .seconds = 1};
  int option;
  while ((option = getopt_long(argc, argv, "", kLong, NULL)) != -1) {
    switch (option) {
      case 't':
        options.proxy = parse_address(optarg);
        break;
      case 'n':
        options.server_name = optarg;
        break;
      case 'k':
        options.key = parse_key(optarg);
        break;
      case 'c':
        options.connections = (unsigned)strtoul(optarg, NULL, 10);
        break;
      case 'b':
        options.bytes = strtoull(optarg, NULL, 10);
        break;
      case 's':
        options.seconds = strtod(optarg, NULL);
        break;
      case 'u':
        options.warm_up = strtod(optarg, NULL);
        break;
      case 'w':
        parse_watched(optarg, &options);
        break;
      case 'r':
        options.resume = true;
        break;
      default:
        errx(2, "usage: load MEASURE --to ADDRESS:PORT [options]; see bench/native/options.h");
    }
  }
  if (optind != argc - 1 || options.proxy.sin_port == 0 || options.connections == 0)
    errx(2, "usage: load MEASURE --to ADDRESS:PORT [options]; see bench/native/options.h");
  options.measure = argv[optind];
  return options;
}
