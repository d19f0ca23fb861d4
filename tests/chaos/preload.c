/* What a machine may do to a program, for its tests: a disk that is full below a folder, a clock that is wrong.
 *
 * CHAOS_FULL=DIR    regular files below DIR (a path without links) grow by CHAOS_ROOM bytes in all, and then no more
 * CHAOS_CLOCK=SECS  the wall clock is so many seconds ahead
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static atomic_llong grown;

static int is_full(int fd, off_t end) {
    const char *dir = getenv("CHAOS_FULL"), *room = getenv("CHAOS_ROOM");
    if (!dir) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int kept = errno;
    ssize_t length = readlink(link, path, sizeof path - 1);
    struct stat about;
    if (length < 0 || strncmp(path, dir, strlen(dir)) != 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        errno = kept;
        return 0;
    }
    errno = kept;
    long long more = (long long)end - (long long)about.st_size;
    if (more <= 0) return 0;
    if (atomic_fetch_add(&grown, more) + more <= (room ? atoll(room) : 0)) return 0;
    atomic_fetch_sub(&grown, more);
    errno = ENOSPC;
    return 1;
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static off_t at(int fd) {
    int kept = errno;
    off_t here = lseek(fd, 0, SEEK_CUR);
    errno = kept;
    return here < 0 ? 0 : here;
}

ssize_t write(int fd, const void *from, size_t length) {
    REAL(write);
    return is_full(fd, at(fd) + (off_t)length) ? -1 : real(fd, from, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    off_t length = 0;
    for (int n = 0; n < count; n++) length += (off_t)parts[n].iov_len;
    return is_full(fd, at(fd) + length) ? -1 : real(fd, parts, count);
}

ssize_t pwrite(int fd, const void *from, size_t length, off_t offset) {
    REAL(pwrite);
    return is_full(fd, offset + (off_t)length) ? -1 : real(fd, from, length, offset);
}

ssize_t pwrite64(int fd, const void *from, size_t length, off64_t offset) {
    REAL(pwrite64);
    return is_full(fd, (off_t)offset + (off_t)length) ? -1 : real(fd, from, length, offset);
}

static long long ahead(void) {
    const char *seconds = getenv("CHAOS_CLOCK");
    return seconds ? atoll(seconds) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int done = real(clock, now);
    if (done == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += ahead();
    return done;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    REAL(gettimeofday);
    int done = real(now, zone);
    if (done == 0 && now) now->tv_sec += ahead();
    return done;
}

time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to) *to = now.tv_sec;
    return now.tv_sec;
}
