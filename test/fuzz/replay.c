/*
 * Runs a fuzz target once over every file of the folders and files that are named, and over no
 * bytes at all: a corpus is a regression test under any compiler. No file in a folder is a mistake.
 */
#include <dirent.h>
#include <err.h>
#include <stdint.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static void replay_file(const char *path)
{
    struct stat info;
    uint8_t *data;
    size_t len;
    FILE *file = fopen(path, "rb");

    if (!file || fstat(fileno(file), &info))
        err(1, "%s", path);
    /* As large as the input, not a byte more: an address sanitizer then sees a read beyond its end.
     */
    len = (size_t)info.st_size;
    data = malloc(len ? len : 1);
    if (!data || fread(data, 1, len, file) != len)
        err(1, "%s", path);
    fclose(file);
    LLVMFuzzerTestOneInput(data, len);
    free(data);
}

static int replay_folder(const char *path)
{
    struct dirent *entry;
    int count = 0;
    DIR *folder = opendir(path);

    if (!folder)
        err(1, "%s", path);
    while ((entry = readdir(folder))) {
        char name[4096];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        fprintf(stderr, "%s\n", name); /* the last line of a crash names its input */
        replay_file(name);
        count++;
    }
    closedir(folder);
    if (!count)
        errx(1, "%s: no input to replay", path);
    return count;
}

int main(int argc, char **argv)
{
    int count = 1;

    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        struct stat info;

        if (stat(argv[i], &info))
            err(1, "%s", argv[i]);
        if (S_ISDIR(info.st_mode)) {
            count += replay_folder(argv[i]);
        } else {
            replay_file(argv[i]);
            count++;
        }
    }
    printf("%d inputs replayed\n", count);
    return 0;
}
