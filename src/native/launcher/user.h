// Who the program runs as.
#pragma once

// Either may be NULL. Ends the process if that is not to be had.
void becomeUser(const char* user, const char* group);
