/* How fast this machine reads 8-bit weights: matrix-vector products, again and again, by a plain loop that the compiler unrolls.
 *
 * cc -O3 -march=native -pthread sweep.c -o sweep && ./sweep ROWS COLUMNS THREADS REPEATS    prints bytes of weights a second
 */
#define _POSIX_C_SOURCE 200112L
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int rows, columns, threads, repeats;
static int8_t *weights, *vector;
static int32_t *product;

static void *sweep(void *number) {
    int begin = (long)rows * (long)number / threads, end = (long)rows * ((long)number + 1) / threads;
    for (int repeat = 0; repeat < repeats; repeat++)
        for (int row = begin; row < end; row++) {
            const int8_t *weight = weights + (size_t)row * columns;
            int32_t sum = 0;
            for (int column = 0; column < columns; column++) sum += (int32_t)weight[column] * vector[column];
            product[row] += sum; /* kept, so that no repeat can be left out */
        }
    return NULL;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

int main(int count, char **arguments) {
    if (count != 5) return 2;
    rows = atoi(arguments[1]), columns = atoi(arguments[2]), threads = atoi(arguments[3]), repeats = atoi(arguments[4]);
    weights = malloc((size_t)rows * columns), vector = malloc(columns), product = calloc(rows, sizeof *product);
    pthread_t *thread = calloc(threads, sizeof *thread);
    if (!weights || !vector || !product || !thread) return 1;
    for (size_t i = 0; i < (size_t)rows * columns; i++) weights[i] = (int8_t)rand();
    for (int i = 0; i < columns; i++) vector[i] = (int8_t)rand();
    double begin = now();
    for (long i = 0; i < threads; i++) pthread_create(&thread[i], NULL, sweep, (void *)i);
    for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
    printf("%f\n", (double)rows * columns * repeats / (now() - begin));
    return 0;
}
