/* A program that knows no LiteCore: loads plugins, each linked to one of its own, plays a session with each, and unloads them.
 *
 *   plugins HOW PLUGIN...
 */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv) {
    int failures = 0;
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 2; i < argc; i++) {
            void *plugin = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
            int (*play)(int, char **) = plugin ? (int (*)(int, char **))dlsym(plugin, "plugin_main") : NULL;
            if (!play) {
                fprintf(stderr, "plugins: %s\n", dlerror());
                return 2;
            }
            failures += play(2, argv);
            if (turn) dlclose(plugin);
            dlclose(plugin);
        }
    }
    return failures;
}
