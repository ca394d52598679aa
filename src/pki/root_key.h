#ifndef PKI_ROOT_KEY_H
#define PKI_ROOT_KEY_H

#include "pki/pki.h"

struct root_key_report {
    char old_id[ROOT_KEY_ID], new_id[ROOT_KEY_ID];
    int64_t rewrapped; /* data keys */
    int64_t resealed;  /* values, with --reseal */
    bool resumed;      /* an earlier --reseal that was cut short was finished */
};
/*
 * Needs the state directory opened STATE_EXCLUSIVE. Order: root.key.next durable; one transaction
 * rewraps every data key and sets the setting "root-key" to the new id; root.key.next becomes
 * root.key. pki_open finishes the last step after a crash: it takes the file whose id is the
 * setting's. reseal: then each data key gets a new generation and its values are sealed again, a
 * transaction each; what is left after a crash is found by the setting "reseal" and finished by the
 * same command.
 */
int root_key_rotate(struct request *request, bool reseal, struct root_key_report *report,
                    struct err *e) MUST_CHECK;

#endif
