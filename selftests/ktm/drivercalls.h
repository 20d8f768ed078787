/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Steps of the test of what drivers call: one call each of /root/ktm_test.ko, whose header
 * has the functions and their arguments. What must succeed says so by its name.
 */
#ifndef KTM_TEST_DRIVER_CALLS_H
#define KTM_TEST_DRIVER_CALLS_H

#include "../ktm_test/ktm_test.h"
#include "streams.h"

/* Loads the driver if nobody has, and opens it: for all calls of this process. */
extern int drv;
/* 0, or -1 and errno. */
int driver_load(const char *parameters);
void driver_open(void);
void driver_unload(void);

/*
 * The call must tell this status, and return what goes with it; and again, if it is refused for
 * what it is, without anybody who wants to know the status.
 */
#define DRIVER(want, fn_, ...)						\
	driver_call(__FILE__, __LINE__,					\
		    (struct ktm_test_call){ .fn = TEST_##fn_, ##__VA_ARGS__ }, want)
#define DRIVER_CALL(call, want)	driver_call(__FILE__, __LINE__, call, want)

struct ktm_test_call driver_call(const char *file, int line, struct ktm_test_call c,
				 unsigned int want);
/* Whatever it comes to. */
void driver_try(struct ktm_test_call *c);

/* The name of a function, and which statuses it has told in tests of this machine so far. */
const char *driver_name(unsigned int fn);
void driver_seen(uint64_t met[TEST_FUNCTIONS]);

/*
 * "# called FUNCTION ERRNO STATUS", which check-called.sh holds against the functions'
 * descriptions: of one, and of all that DRIVER() has made in this machine so far.
 */
void shows_call(const char *name, unsigned int status);
void driver_show(void);

void driver_get_tm(int tm);
void driver_put_tm(void);
/* A stream of QUOTA bytes, and a use of one, with all rights. */
void driver_make(unsigned int slot, const char *name);
void driver_open_name(unsigned int slot, const char *name);
void driver_put(unsigned int slot);

/* A record as append() makes it; its LSN. */
uint64_t driver_add_flags(unsigned int slot, uint64_t tag, unsigned int bytes, unsigned int flags);
uint64_t driver_add(unsigned int slot, uint64_t tag, unsigned int bytes);
void driver_check(unsigned int slot, uint64_t lsn, uint64_t tag, unsigned int bytes);
/* LSN of the record of slot 0 that is meant; 0: there is none. */
uint64_t driver_where(unsigned int where, uint64_t lsn);
struct ktm_stream_info driver_query(unsigned int slot);
unsigned int driver_poll(unsigned int slot);

#endif /* KTM_TEST_DRIVER_CALLS_H */
