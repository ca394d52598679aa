#ifndef ACCESS_REFUSAL_H
#define ACCESS_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which refusals are written into the audit trail: of one principal and action the first one in a
 * minute, and when the minute is over one record that says how many more there were. A refusal
 * costs whoever causes it nothing, and each record costs a write. Belongs to one thread; fixed
 * size; starts as { 0 }.
 */
enum { REFUSAL_SLOTS = 64, REFUSAL_TEXT = 128, REFUSAL_SECONDS = 60 };

struct refusal {
    char principal[96], action[REFUSAL_TEXT];
    int64_t since; /* UTC seconds of the first; 0: free */
    int64_t more;  /* that were only counted */
};
struct refusals {
    struct refusal slot[REFUSAL_SLOTS];
    size_t used;
};
/* True: it is to be written now. When every slot is taken it is counted under "others". */
bool refusals_note(struct refusals *r, const char *principal, const char *action, int64_t now);
/* Takes out one whose minute is over and that stands for more than was written; false: none. Call
 * until then. */
bool refusals_due(struct refusals *r, int64_t now, struct refusal *due);

#endif
