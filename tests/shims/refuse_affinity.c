/* A system that lets no thread be tied to a CPU, as some containers and batch systems do. */

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>

int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *cpus) {
    (void)thread, (void)size, (void)cpus;
    return EINVAL;
}

int sched_setaffinity(pid_t process, size_t size, const cpu_set_t *cpus) {
    (void)process, (void)size, (void)cpus;
    errno = EINVAL;
    return -1;
}
