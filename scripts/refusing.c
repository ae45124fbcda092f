/* A file system and a user's account that refuse what the environment names, for the process that loads this with LD_PRELOAD.

REFUSE_NAME=1        no user has a name
REFUSE_FLOCK=37      flock fails with this errno; so do, each by its own variable:
REFUSE_LINK, REFUSE_FSYNC, REFUSE_UTIME
REFUSE_IN=/folder    beneath it, and nowhere else, fail:
REFUSE_CHANGE=30     what makes, renames or removes a file or folder, and opening a file to write
REFUSE_MAKE=13       what makes, renames or removes one, while files that are there may be written
REFUSE_WRITE=28      writing into a file
REFUSE_MMAP=19       mapping a file

Variables are looked up at each call, so that a process can change what it is refused.
*/

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int refused(const char *variable) {
    const char *number = getenv(variable);
    if (number && *number) errno = atoi(number);
    return number && *number;
}

static int lies_inside(int folder, const char *path) {
    const char *inside = getenv("REFUSE_IN");
    char whole[8192] = "";
    if (!inside || !*inside || !path) return 0;
    if (path[0] != '/') {
        char handle[64];
        ssize_t length;
        snprintf(handle, sizeof handle, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        length = readlink(handle, whole, 4095);
        whole[length < 0 ? 0 : length] = 0;
        strcat(whole, "/");
    }
    strncat(whole, path, 4000);
    return !strncmp(whole, inside, strlen(inside)) && strchr("/", whole[strlen(inside)]);
}

static int is_inside(int file) {
    char handle[64], path[4096];
    ssize_t length;
    if (!getenv("REFUSE_IN")) return 0;
    snprintf(handle, sizeof handle, "/proc/self/fd/%d", file);
    length = readlink(handle, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    return length > 0 && lies_inside(AT_FDCWD, path);
}

static int may_not_make(int folder, const char *path) {
    return lies_inside(folder, path) && (refused("REFUSE_CHANGE") || refused("REFUSE_MAKE"));
}

static int may_not_open(int folder, const char *path, int flags) {
    if (!lies_inside(folder, path)) return 0;
    if ((flags & O_ACCMODE) != O_RDONLY && refused("REFUSE_CHANGE")) return 1;
    return (flags & O_CREAT) && faccessat(folder, path, F_OK, 0) && refused("REFUSE_MAKE");
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list more; mode_t mode; \
        va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); \
        return may_not_open(AT_FDCWD, path, flags) ? -1 : REAL(name)(path, flags, mode); \
    }
#define OPENAT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        va_list more; mode_t mode; \
        va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); \
        return may_not_open(folder, path, flags) ? -1 : REAL(name)(folder, path, flags, mode); \
    }
OPEN(open) OPEN(open64) OPENAT(openat) OPENAT(openat64)

int mkdir(const char *path, mode_t mode) { return may_not_make(AT_FDCWD, path) ? -1 : REAL(mkdir)(path, mode); }
int rmdir(const char *path) { return may_not_make(AT_FDCWD, path) ? -1 : REAL(rmdir)(path); }
int unlink(const char *path) { return may_not_make(AT_FDCWD, path) ? -1 : REAL(unlink)(path); }
int rename(const char *old, const char *new) { return may_not_make(AT_FDCWD, new) ? -1 : REAL(rename)(old, new); }
int link(const char *old, const char *new) {
    return may_not_make(AT_FDCWD, new) || refused("REFUSE_LINK") ? -1 : REAL(link)(old, new);
}
int linkat(int from, const char *old, int to, const char *new, int flags) {
    return may_not_make(to, new) || refused("REFUSE_LINK") ? -1 : REAL(linkat)(from, old, to, new, flags);
}
int flock(int file, int operation) { return refused("REFUSE_FLOCK") ? -1 : REAL(flock)(file, operation); }
int fsync(int file) { return refused("REFUSE_FSYNC") ? -1 : REAL(fsync)(file); }
int utimensat(int folder, const char *path, const struct timespec times[2], int flags) {
    return refused("REFUSE_UTIME") ? -1 : REAL(utimensat)(folder, path, times, flags);
}
ssize_t write(int file, const void *data, size_t size) {
    return is_inside(file) && refused("REFUSE_WRITE") ? -1 : REAL(write)(file, data, size);
}

#define MMAP(name, offset_type) \
    void *name(void *at, size_t size, int protection, int flags, int file, offset_type offset) { \
        if (file >= 0 && is_inside(file) && refused("REFUSE_MMAP")) return MAP_FAILED; \
        return REAL(name)(at, size, protection, flags, file, offset); \
    }
MMAP(mmap, off_t) MMAP(mmap64, off64_t)

struct passwd *getpwuid(uid_t user) { return getenv("REFUSE_NAME") ? NULL : REAL(getpwuid)(user); }
int getpwuid_r(uid_t user, struct passwd *entry, char *buffer, size_t size, struct passwd **found) {
    if (!getenv("REFUSE_NAME")) return REAL(getpwuid_r)(user, entry, buffer, size, found);
    *found = NULL;
    return 0;
}
