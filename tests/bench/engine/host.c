/* A host that starts an engine by the configuration on standard input, waits, tells its statistics on
 * standard error, and ends.
 *
 *   host PLUGIN SECONDS < CONFIGURATION
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "twamp_plugin.h"

static void say(void *ctx, const uint8_t *data, size_t len) {
    (void)ctx;
    fwrite(data, 1, len, stderr);
}

int main(int argc, char **argv) {
    static uint8_t config[1 << 20];
    void *file = argc == 3 ? dlopen(argv[1], RTLD_NOW) : NULL;
    const TwampPlugin *(*door)(void);
    if (!file || !(*(void **)&door = dlsym(file, "twamp_plugin_v1"))) {
        fprintf(stderr, "no plugin: %s\n", file ? "it has no door" : dlerror());
        return 2;
    }
    const TwampPlugin *plugin = door();
    size_t len = fread(config, 1, sizeof config, stdin);
    TwampSink out = {.ctx = NULL, .write = say};
    TwampHost host = {
        .struct_size = sizeof host,
        .abi_major = TWAMP_ABI_MAJOR,
        .abi_minor = TWAMP_ABI_MINOR,
    };
    TwampEngine *engine = NULL;
    if (plugin->create(&host, config, len, out, &engine) || plugin->start(engine, out))
        return 1;
    sleep((unsigned)atoi(argv[2]));
    static const char request[] = "{\"do\":\"statistics\"}";
    plugin->manage(engine, (const uint8_t *)request, sizeof request - 1, out);
    return plugin->destroy(engine) != 0;
}
