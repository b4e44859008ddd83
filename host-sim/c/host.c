// The smallest host: loads the plugin, runs one engine, reads a snapshot and asks for a choice.
//
//   cc -std=c99 -I plugin-abi/include -o host host-sim/c/host.c -ldl
//   ./host target/debug/libautoflow_plugin.so "$(cat config.json)"
//
// It asks for group 1 and class 1, waits at most ten seconds for a choice, and answers 0 if it
// got one.
#define _POSIX_C_SOURCE 200809L

#include <dlfcn.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <twamp_plugin.h>

static void print(void *file, const uint8_t *text, size_t len) { fwrite(text, 1, len, file); }

static void print_log(void *file, uint32_t level, TwampText target, TwampText message) {
  fprintf(file, "%" PRIu32 " %.*s: %.*s\n", level, (int)target.len, (const char *)target.data,
          (int)message.len, (const char *)message.data);
}

static int failed(const char *what, int32_t code) {
  fprintf(stderr, " (%s was answered with %" PRId32 ")\n", what, code);
  return 1;
}

/// Prints every line; rows may be longer than this host knows them.
static void print_lines(const TwampPlugin *plugin, const TwampEngine *engine) {
  static const char *const states[] = {"unknown", "alive", "dead", "unmeasured"};
  TwampGuard guard = {0};
  if (plugin->acquire(engine, &guard) != TWAMP_CODE_OK) return;
  for (uint32_t i = 0; i < guard.snapshot->line_count; i++) {
    const char *row = (const char *)guard.snapshot->lines + (size_t)i * guard.snapshot->line_size;
    const TwampLineState *line = (const void *)row;
    uint32_t state = line->state < 4 ? line->state : TWAMP_LINE_STATE_UNMEASURED;
    printf("line %" PRIu64 ": %s\n", line->line, states[state]);
  }
  plugin->release(&guard);
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: %s PLUGIN JSON\n", argv[0]), 2;

  void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
  const TwampPlugin *(*door)(void);
  *(void **)&door = dlsym(library, TWAMP_C_DOOR);
  if (!door) return fprintf(stderr, "%s\n", dlerror()), 1;
  const TwampPlugin *plugin = door();
  if (plugin->abi_major != TWAMP_ABI_MAJOR || plugin->struct_size < sizeof *plugin)
    return fprintf(stderr, "expected ABI %d, found %d\n", TWAMP_ABI_MAJOR, plugin->abi_major), 1;
  printf("ABI %d.%d\n", plugin->abi_major, plugin->abi_minor);

  TwampHost host = {.struct_size = sizeof host, .ctx = stderr, .log = print_log};
  host.abi_major = TWAMP_ABI_MAJOR;
  host.abi_minor = TWAMP_ABI_MINOR;
  host.capabilities = TWAMP_CAPABILITY_OF_HOST_LOG;
  TwampSink errors = {stderr, print};
  TwampEngine *engine = NULL;
  const uint8_t *config = (const uint8_t *)argv[2];
  int32_t code = plugin->create(&host, config, strlen(argv[2]), errors, &engine);
  if (code != TWAMP_CODE_OK) return failed("create", code);
  if ((code = plugin->start(engine, errors)) != TWAMP_CODE_OK) return failed("start", code);

  TwampChoice choice = {.struct_size = sizeof choice};
  struct pollfd event = {plugin->event_fd(engine), POLLIN, 0};
  for (int tenths = 0; tenths < 100 && choice.answer != TWAMP_ANSWER_LINE; tenths++) {
    uint64_t count;
    if (poll(&event, 1, 100) > 0 && read(event.fd, &count, sizeof count) < 0) break;
    plugin->choose(engine, 1, 1, 0, TWAMP_NONE, 0, &choice);
  }
  print_lines(plugin, engine);
  if (choice.answer == TWAMP_ANSWER_LINE) printf("choice: line %" PRIu64 "\n", choice.line);

  if ((code = plugin->destroy(engine)) != TWAMP_CODE_OK) return failed("destroy", code);
  return choice.answer == TWAMP_ANSWER_LINE ? 0 : 1;
}
