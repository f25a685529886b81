// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Counts the words of every file in in/ and writes what it found to out/, leaning on as much of the C
// library as such a job can: directories, streams, memory, sorting, formatting, the environment.
// Built with musl and with glibc; both must write the same bytes, here and on Linux.

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct word {
    char *text;
    long count;
};

struct table {
    struct word *slots;
    size_t size, used;
};

static void fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    printf(": %s\n", strerror(errno));
    exit(1);
}

static uint32_t checksum(uint32_t sum, const unsigned char *bytes, size_t count)
{
    sum = ~sum;
    while (count--) {
        sum ^= *bytes++;
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return ~sum;
}

static void count(struct table *table, const char *text);

static void grow(struct table *table)
{
    struct table larger = {calloc(table->size * 2, sizeof(struct word)), table->size * 2, 0};
    if (!larger.slots)
        fail("calloc");
    for (size_t i = 0; i < table->size; i++)
        for (long n = 0; n < table->slots[i].count; n++)
            count(&larger, table->slots[i].text);
    for (size_t i = 0; i < table->size; i++)
        free(table->slots[i].text);
    free(table->slots);
    *table = larger;
}

static void count(struct table *table, const char *text)
{
    if (table->used * 2 >= table->size)
        grow(table);
    size_t at = checksum(0, (const unsigned char *)text, strlen(text)) % table->size;
    while (table->slots[at].text && strcmp(table->slots[at].text, text))
        at = (at + 1) % table->size;
    if (!table->slots[at].text) {
        table->slots[at].text = strdup(text);
        table->used++;
    }
    table->slots[at].count++;
}

static int by_count(const void *a, const void *b)
{
    const struct word *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->text ? x->text : "", y->text ? y->text : "");
}

static void read_words(struct table *table, const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        fail("fopen %s", path);
    char text[256];
    while (fscanf(file, "%255s", text) == 1)
        count(table, text);
    fclose(file);
}

static int is_file(const struct dirent *entry)
{
    char path[512];
    struct stat status;
    snprintf(path, sizeof path, "in/%s", entry->d_name);
    return !stat(path, &status) && S_ISREG(status.st_mode);
}

static void describe(FILE *out, const char *name)
{
    char path[512];
    struct stat status;
    snprintf(path, sizeof path, "in/%s", name);
    if (stat(path, &status))
        fail("stat %s", path);
    unsigned char *bytes = malloc((size_t)status.st_size + 1);
    FILE *file = fopen(path, "rb");
    if (!bytes || !file)
        fail("open %s", path);
    size_t got = fread(bytes, 1, (size_t)status.st_size + 1, file);
    fprintf(out, "%-12s %8zu bytes, mode %03o, sum %08x\n", name, got, status.st_mode & 0777u,
            checksum(0, bytes, got));
    fclose(file);
    free(bytes);
}

int main(int argc, char **argv)
{
    struct dirent **names;
    int files = scandir("in", &names, is_file, alphasort);
    if (files < 0)
        fail("scandir in");
    if (mkdir("out", 0755) && errno != EEXIST)
        fail("mkdir out");
    if (mkdir("out/report", 0755))
        fail("mkdir out/report");

    FILE *list = fopen("out/report/files.tmp", "w");
    if (!list)
        fail("fopen");
    struct table table = {calloc(4, sizeof(struct word)), 4, 0};
    for (int i = 0; i < files; i++) {
        char path[512];
        snprintf(path, sizeof path, "in/%s", names[i]->d_name);
        describe(list, names[i]->d_name);
        read_words(&table, path);
        free(names[i]);
    }
    free(names);
    fprintf(list, "%s, %d arguments\n", getenv("WORDS_TITLE") ? getenv("WORDS_TITLE") : "no title", argc - 1);
    for (int i = 1; i < argc; i++)
        fprintf(list, "%s\n", argv[i]);
    if (fclose(list) || rename("out/report/files.tmp", "out/report/files"))
        fail("rename");

    qsort(table.slots, table.size, sizeof(struct word), by_count);
    FILE *out = fopen("out/words", "w+");
    if (!out)
        fail("fopen out/words");
    double all = 0;
    for (size_t i = 0; i < table.used; i++)
        all += (double)table.slots[i].count;
    for (size_t i = 0; i < table.used; i++)
        fprintf(out, "%6ld %6.3f%% %s\n", table.slots[i].count, 100 * (double)table.slots[i].count / all,
                table.slots[i].text);
    fseek(out, 0, SEEK_SET);
    char first[80];
    if (!fgets(first, sizeof first, out))
        fail("fgets");
    fclose(out);

    FILE *scratch = fopen("out/scratch", "w");
    if (!scratch || fclose(scratch) || unlink("out/scratch") || !access("out/scratch", F_OK))
        fail("scratch file");
    printf("%d files, %zu words, first:%s", files, table.used, first);
    return 0;
}
