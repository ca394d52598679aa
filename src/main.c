#include <stdio.h>

int main(void)
{
    puts("poterne " POTERNE_VERSION);
    return 0;
}
