/* Ends the process at the n-th write or sync call on a database's files; loaded before libc in tests of killed publications. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int armed, count, last;
static char watched[512];

/* Watch the files whose path begins with ``path``; end at the n-th call, never when n is 0. */
void dying_arm(const char *path, int n) {
    snprintf(watched, sizeof watched, "%s", path);
    count = 0;
    last = n;
    armed = 1;
}

int dying_count(void) { return count; }

static void called(int fd) {
    char link[64], path[512];
    ssize_t length;
    if (!armed) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = 0;
    if (strncmp(path, watched, strlen(watched)) == 0 && ++count == last) _exit(137);
}

#define NEXT(name, result, ...) static result (*next)(__VA_ARGS__); if (!next) next = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t write(int fd, const void *from, size_t size) {
    NEXT("write", ssize_t, int, const void *, size_t);
    called(fd);
    return next(fd, from, size);
}
ssize_t pwrite(int fd, const void *from, size_t size, off_t at) {
    NEXT("pwrite", ssize_t, int, const void *, size_t, off_t);
    called(fd);
    return next(fd, from, size, at);
}
ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) {
    NEXT("pwrite64", ssize_t, int, const void *, size_t, off64_t);
    called(fd);
    return next(fd, from, size, at);
}
int fsync(int fd) {
    NEXT("fsync", int, int);
    called(fd);
    return next(fd);
}
int fdatasync(int fd) {
    NEXT("fdatasync", int, int);
    called(fd);
    return next(fd);
}
int ftruncate64(int fd, off64_t size) {
    NEXT("ftruncate64", int, int, off64_t);
    called(fd);
    return next(fd, size);
}
