/* Writes down, in the file that $WATCHED names, what a process and its children do outside of themselves: a line for each
   socket, each look-up of a name, and each file or folder that is opened for writing, made or renamed.

   What a library does by a system call of its own goes past it; strace, which sees all, found nothing of that kind. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static __thread int inside; /* writing it down opens a file, too */

static void note(const char *what, const char *detail) {
    const char *log = getenv("WATCHED");
    if (!log || inside) return;
    inside = 1;
    int file = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    char line[2 * PATH_MAX + 32];
    int length = snprintf(line, sizeof line, "%s %s\n", what, detail);
    if (write(file, line, length) != length) abort();
    close(file);
    inside = 0;
}

static void note_path(const char *what, int folder, const char *path) {
    char whole[2 * PATH_MAX], base[PATH_MAX] = "", link[64];
    if (path[0] != '/') {
        if (folder == AT_FDCWD) {
            if (!getcwd(base, sizeof base)) abort();
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            ssize_t length = readlink(link, base, sizeof base - 1);
            base[length < 0 ? 0 : length] = 0;
        }
        snprintf(whole, sizeof whole, "%s/%s", base, path);
        path = whole;
    }
    note(what, path);
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define WRITES(flags) (((flags) & O_ACCMODE) != O_RDONLY || ((flags) & O_CREAT))

#define OPEN(name)                                                                 \
    int name(const char *path, int flags, ...) {                                   \
        va_list more;                                                              \
        va_start(more, flags);                                                     \
        int mode = va_arg(more, int);                                              \
        va_end(more);                                                              \
        REAL(name);                                                                \
        int file = real(path, flags, mode);                                        \
        if (file >= 0 && WRITES(flags)) note_path("write", AT_FDCWD, path);        \
        return file;                                                               \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                               \
    int name(int folder, const char *path, int flags, ...) {                       \
        va_list more;                                                              \
        va_start(more, flags);                                                     \
        int mode = va_arg(more, int);                                              \
        va_end(more);                                                              \
        REAL(name);                                                                \
        int file = real(folder, path, flags, mode);                                \
        if (file >= 0 && WRITES(flags)) note_path("write", folder, path);          \
        return file;                                                               \
    }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name)                                                                \
    FILE *name(const char *path, const char *mode) {                               \
        REAL(name);                                                                \
        FILE *file = real(path, mode);                                             \
        if (file && (mode[0] != 'r' || strchr(mode, '+'))) note_path("write", AT_FDCWD, path); \
        return file;                                                               \
    }
FOPEN(fopen)
FOPEN(fopen64)

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    int failed = real(path, mode);
    if (!failed) note_path("write", AT_FDCWD, path);
    return failed;
}

int mkdirat(int folder, const char *path, mode_t mode) {
    REAL(mkdirat);
    int failed = real(folder, path, mode);
    if (!failed) note_path("write", folder, path);
    return failed;
}

int rename(const char *from, const char *to) {
    REAL(rename);
    int failed = real(from, to);
    if (!failed) note_path("write", AT_FDCWD, to);
    return failed;
}

int socket(int domain, int type, int protocol) {
    REAL(socket);
    note("socket", "");
    return real(domain, type, protocol);
}

struct addrinfo;
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    REAL(getaddrinfo);
    note("look-up", node ? node : "");
    return real(node, service, hints, found);
}
