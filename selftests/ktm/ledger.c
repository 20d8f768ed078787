// SPDX-License-Identifier: GPL-2.0
/*
 * A table of GUIDs in memory that the processes of a test share, see ledger.h.
 */
#include <sys/mman.h>

#include "ledger.h"

/* More GUIDs than a test draws; a power of two. */
#define ENTRIES		(1u << 17)

#define COMMITTED	0x1u
#define ABORTED		0x2u
#define VOTED		0x4u

/* @name: half of the GUID, which was drawn by the kernel; 0: free */
struct entry {
	uint64_t name;
	uint32_t heard;
};

static struct entry *table;

void ledger_open(void)
{
	table = mmap(NULL, ENTRIES * sizeof(*table), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(table != MAP_FAILED);
}

static struct entry *find(const guid_t *guid)
{
	uint64_t name, there;
	unsigned int i, n;

	memcpy(&name, &guid->b[8], sizeof(name));
	CHECK(name);
	for (i = name >> 20, n = 0; n < ENTRIES; i++, n++) {
		struct entry *e = &table[i % ENTRIES];

		there = 0;
		if (__atomic_compare_exchange_n(&e->name, &there, name, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST) || there == name)
			return e;
	}
	FAIL("the ledger is too small");
}

static uint32_t note(const guid_t *guid, uint32_t bit)
{
	return __atomic_or_fetch(&find(guid)->heard, bit, __ATOMIC_SEQ_CST);
}

static uint32_t bit_of(unsigned int outcome)
{
	return outcome == KTM_OUTCOME_COMMITTED ? COMMITTED :
	       outcome == KTM_OUTCOME_ABORTED ? ABORTED : 0;
}

void ledger_outcome(const guid_t *uow, unsigned int outcome)
{
	if ((note(uow, bit_of(outcome)) & (COMMITTED | ABORTED)) == (COMMITTED | ABORTED))
		FAIL("one hears that a transaction is committed, another that it is aborted");
}

void ledger_vote(const guid_t *enlistment)
{
	note(enlistment, VOTED);
}

bool ledger_voted(const guid_t *enlistment)
{
	return note(enlistment, 0) & VOTED;
}

unsigned int ledger_count(unsigned int outcome)
{
	unsigned int i, n = 0;

	for (i = 0; i < ENTRIES; i++)
		n += !!(table[i].heard & bit_of(outcome));
	return n;
}
