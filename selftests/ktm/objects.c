// SPDX-License-Identifier: GPL-2.0
/*
 * Objects and their descriptors: create, open by GUID, owner and mode, narrow,
 * enumerate, describe; passing, dup and fork; limits per user.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "calls.h"

#define GROUP		4321
#define LIMIT_FILE	"/sys/module/ktm/parameters/max_objects"

static void set_limit(unsigned int n)
{
	FILE *f = fopen(LIMIT_FILE, "w");

	CHECK(f);
	CHECK(fprintf(f, "%u\n", n) > 0);
	CHECK_EQ(fclose(f), 0);
}

/* A test that failed may have left its own limit. */
void test_setup(void)
{
	set_limit(65536);
}

static unsigned int try_open(int on, unsigned int request, guid_t guid, unsigned int access,
			     int *fd)
{
	struct ktm_open o = ARG(ktm_open, .access = access, .guid = guid);
	unsigned int status = test_try(on, request, &o);

	test_shows(request, status);
	if (fd)
		*fd = o.fd;
	else if (status == KTM_STATUS_SUCCESS)
		close(o.fd);
	return status;
}

#define OPEN(on, request, guid, access, want)				\
	CHECK_EQ(try_open(on, request, guid, access, NULL), want)

static unsigned int rights_of(int fd)
{
	char path[64], line[256];
	unsigned int access = ~0u;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "ktm-access: %x", &access) == 1)
			break;
	fclose(f);
	return access;
}

TEST(version)
{
	struct ktm_version v = ARG(ktm_version);

	CALL(dev(), KTM_IOC_VERSION, &v, KTM_STATUS_SUCCESS);
	CHECK_EQ(v.abi, KTM_ABI_VERSION);
	CHECK_EQ(v.features, 0);
}

TEST(identity)
{
	guid_t want = guid_of(1), got;
	struct ktm_tm_create t = ARG(ktm_tm_create, .flags = KTM_TM_VOLATILE, .device_fd = -1,
				     .access = KTM_TM_ALL_ACCESS, .guid = want);
	struct ktm_tm_info ti;
	struct ktm_rm_info ri;
	int rm, tm;

	CALL(dev(), KTM_IOC_TM_CREATE, &t, KTM_STATUS_SUCCESS);
	CHECK(same(&t.guid, &want));
	tm = t.fd;
	ti = tm_info(tm);
	CHECK(same(&ti.guid, &want));
	CHECK_EQ(ti.state, KTM_TM_STATE_ONLINE);
	CHECK_EQ(ti.flags, KTM_TM_VOLATILE);
	CHECK_EQ(ti.rms, 0);
	CHECK_EQ(ti.transactions, 0);
	CHECK_EQ(ti.log_size, 0);

	rm = rm_create_as(tm, KTM_RM_VOLATILE, &want);
	ri = rm_info(rm);
	CHECK(same(&ri.guid, &want));
	CHECK(same(&ri.tm, &want));
	CHECK_EQ(ri.flags, KTM_RM_VOLATILE);
	CHECK_EQ(ri.online, 1);
	CHECK_EQ(ri.description_length, 0);
	CHECK_EQ(tm_info(tm).rms, 1);

	/* A nil GUID draws one, and never the same twice. */
	got = tm_guid(tm_volatile());
	CHECK(!same(&got, &nil));
	want = tm_guid(tm_volatile());
	CHECK(!same(&got, &want));
	close(rm);
	CHECK_EQ(tm_info(tm).rms, 0);
}

TEST(collisions)
{
	guid_t g = guid_of(1);
	struct ktm_tm_create t = ARG(ktm_tm_create, .flags = KTM_TM_VOLATILE, .device_fd = -1,
				     .access = KTM_TM_ALL_ACCESS, .guid = g);
	struct ktm_tx_create x = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .uow = g,
				     .tm_fd = -1);
	struct ktm_rm_create r = ARG(ktm_rm_create, .flags = KTM_RM_VOLATILE, .guid = g,
				     .access = KTM_RM_ALL_ACCESS);
	int tm, tx, rm;

	CALL(dev(), KTM_IOC_TM_CREATE, &t, KTM_STATUS_SUCCESS);
	tm = t.fd;
	CALL(dev(), KTM_IOC_TM_CREATE, &t, KTM_STATUS_OBJECT_NAME_COLLISION);
	CALL(dev(), KTM_IOC_TX_CREATE, &x, KTM_STATUS_SUCCESS);
	tx = x.fd;
	CALL(dev(), KTM_IOC_TX_CREATE, &x, KTM_STATUS_OBJECT_NAME_COLLISION);
	x.tm_fd = tm;
	CALL(dev(), KTM_IOC_TX_CREATE, &x, KTM_STATUS_OBJECT_NAME_COLLISION);
	CALL(tm, KTM_IOC_RM_CREATE, &r, KTM_STATUS_SUCCESS);
	rm = r.fd;
	CALL(tm, KTM_IOC_RM_CREATE, &r, KTM_STATUS_OBJECT_NAME_COLLISION);
	CHECK_EQ(tm_info(tm).rms, 1);

	/* An RM's GUID is its own on each TM. */
	close(rm_create_as(tm_volatile(), KTM_RM_VOLATILE, &g));

	/* What has gone may be used again. */
	close(rm);
	close(rm_create_as(tm, KTM_RM_VOLATILE, &g));
	close(tx);
	CALL(dev(), KTM_IOC_TX_CREATE, &x, KTM_STATUS_SUCCESS);
}

TEST(open_by_guid)
{
	guid_t unknown = guid_of(77), tm_id, rm_id, uow, en_id, got;
	int tm = tm_volatile(), rm = rm_create(tm, KTM_RM_VOLATILE), tx = tx_create(tm);
	int other = rm_create(tm, KTM_RM_VOLATILE), fd;

	tm_id = tm_guid(tm);
	rm_id = rm_info(rm).guid;
	uow = tx_info(tx).uow;
	en_id = enlist(rm, tx);

	CHECK_EQ(try_open(dev(), KTM_IOC_TM_OPEN, tm_id, KTM_TM_ALL_ACCESS, &fd), 0);
	got = tm_guid(fd);
	CHECK(same(&got, &tm_id));
	CHECK_EQ(try_open(dev(), KTM_IOC_TX_OPEN, uow, KTM_TX_QUERY_INFORMATION, &fd), 0);
	CHECK_EQ(rights_of(fd), KTM_TX_QUERY_INFORMATION);
	TX_IS(fd, KTM_TX_STATE_ACTIVE);
	CHECK_EQ(try_open(tm, KTM_IOC_RM_OPEN, rm_id, KTM_MAXIMUM_ALLOWED, &fd), 0);
	CHECK_EQ(rights_of(fd), KTM_RM_ALL_ACCESS);
	CHECK_EQ(rm_info(fd).enlistments, 1);
	CHECK_EQ(try_open(rm, KTM_IOC_EN_OPEN, en_id, KTM_EN_ALL_ACCESS, &fd), 0);
	got = en_info(fd).enlistment;
	CHECK(same(&got, &en_id));

	OPEN(dev(), KTM_IOC_TM_OPEN, unknown, KTM_TM_ALL_ACCESS, KTM_STATUS_TM_NOT_FOUND);
	OPEN(dev(), KTM_IOC_TX_OPEN, unknown, KTM_TX_ALL_ACCESS,
	     KTM_STATUS_TRANSACTION_NOT_FOUND);
	OPEN(tm, KTM_IOC_RM_OPEN, unknown, KTM_RM_ALL_ACCESS, KTM_STATUS_RM_NOT_FOUND);
	OPEN(rm, KTM_IOC_EN_OPEN, unknown, KTM_EN_ALL_ACCESS, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	/* Kinds are kept apart, and so are RMs of other TMs and enlistments of other RMs. */
	OPEN(dev(), KTM_IOC_TM_OPEN, uow, KTM_TM_ALL_ACCESS, KTM_STATUS_TM_NOT_FOUND);
	OPEN(dev(), KTM_IOC_TX_OPEN, tm_id, KTM_TX_ALL_ACCESS, KTM_STATUS_TRANSACTION_NOT_FOUND);
	OPEN(tm_volatile(), KTM_IOC_RM_OPEN, rm_id, KTM_RM_ALL_ACCESS, KTM_STATUS_RM_NOT_FOUND);
	OPEN(other, KTM_IOC_EN_OPEN, en_id, KTM_EN_ALL_ACCESS, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	OPEN(dev(), KTM_IOC_TM_OPEN, nil, KTM_TM_ALL_ACCESS, KTM_STATUS_TM_NOT_FOUND);

	OPEN(dev(), KTM_IOC_TM_OPEN, tm_id, 0, KTM_STATUS_INVALID_PARAMETER);
	OPEN(dev(), KTM_IOC_TX_OPEN, uow, 0, KTM_STATUS_INVALID_PARAMETER);
	OPEN(tm, KTM_IOC_RM_OPEN, rm_id, 0, KTM_STATUS_INVALID_PARAMETER);
	OPEN(rm, KTM_IOC_EN_OPEN, en_id, 0, KTM_STATUS_INVALID_PARAMETER);
	OPEN(dev(), KTM_IOC_TM_OPEN, tm_id, 0x40, KTM_STATUS_INVALID_PARAMETER);
	OPEN(dev(), KTM_IOC_TX_OPEN, uow, KTM_MAXIMUM_ALLOWED | KTM_TX_COMMIT,
	     KTM_STATUS_INVALID_PARAMETER);
}

/* Somebody opens the object of somebody else: the mode says what he gets. */
struct foreign {
	guid_t tm, rm, uow;
	int tm_fd;
	unsigned int tx_status, tx_rights, tm_status, tm_rights;
	gid_t gid;
};

static void open_as_somebody_else(void *data)
{
	struct foreign *f = data;
	int fd;

	become(NOBODY, f->gid);
	CHECK_EQ(try_open(dev(), KTM_IOC_TX_OPEN, f->uow, KTM_MAXIMUM_ALLOWED, &fd), f->tx_status);
	if (f->tx_status == KTM_STATUS_SUCCESS)
		CHECK_EQ(rights_of(fd), f->tx_rights);
	if (f->tx_rights != KTM_TX_ALL_ACCESS)
		OPEN(dev(), KTM_IOC_TX_OPEN, f->uow, KTM_TX_ALL_ACCESS, KTM_STATUS_ACCESS_DENIED);
	CHECK_EQ(listed(dev(), KTM_KIND_TX, f->uow), f->tx_status == KTM_STATUS_SUCCESS);

	CHECK_EQ(try_open(dev(), KTM_IOC_TM_OPEN, f->tm, KTM_MAXIMUM_ALLOWED, &fd), f->tm_status);
	if (f->tm_status == KTM_STATUS_SUCCESS)
		CHECK_EQ(rights_of(fd), f->tm_rights);
	CHECK_EQ(listed(dev(), KTM_KIND_TM, f->tm), f->tm_status == KTM_STATUS_SUCCESS);
	OPEN(f->tm_fd, KTM_IOC_RM_OPEN, f->rm, KTM_MAXIMUM_ALLOWED,
	     f->tm_status == KTM_STATUS_SUCCESS ? KTM_STATUS_SUCCESS : KTM_STATUS_ACCESS_DENIED);
}

static void owner_and_mode(unsigned int mode, gid_t gid, unsigned int tx_rights,
			   unsigned int tm_rights)
{
	struct ktm_tm_create t = ARG(ktm_tm_create, .flags = KTM_TM_VOLATILE, .device_fd = -1,
				     .access = KTM_TM_ALL_ACCESS, .mode = mode);
	struct ktm_tx_create x = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = -1,
				     .mode = mode);
	struct ktm_rm_create r = ARG(ktm_rm_create, .flags = KTM_RM_VOLATILE, .mode = mode,
				     .access = KTM_RM_ALL_ACCESS);
	struct foreign f = { .gid = gid, .tx_rights = tx_rights, .tm_rights = tm_rights };

	CALL(dev(), KTM_IOC_TM_CREATE, &t, KTM_STATUS_SUCCESS);
	CALL(dev(), KTM_IOC_TX_CREATE, &x, KTM_STATUS_SUCCESS);
	CALL(t.fd, KTM_IOC_RM_CREATE, &r, KTM_STATUS_SUCCESS);
	f.tm = t.guid;
	f.tm_fd = t.fd;
	f.rm = r.guid;
	f.uow = x.uow;
	f.tx_status = tx_rights ? KTM_STATUS_SUCCESS : KTM_STATUS_ACCESS_DENIED;
	f.tm_status = tm_rights ? KTM_STATUS_SUCCESS : KTM_STATUS_ACCESS_DENIED;
	test_join(test_spawn(open_as_somebody_else, &f));
	TX_IS(x.fd, KTM_TX_STATE_ACTIVE);
}

TEST(mode_of_others)
{
	owner_and_mode(0, NOBODY, 0, 0);
	owner_and_mode(0770, NOBODY, 0, 0);
	owner_and_mode(0604, NOBODY, KTM_TX_QUERY_INFORMATION, KTM_TM_QUERY_INFORMATION);
	/* x alone on a transaction: commit it or roll it back, see nothing. */
	owner_and_mode(0601, NOBODY, KTM_TX_COMMIT | KTM_TX_ROLLBACK,
		       KTM_TM_RECOVER | KTM_TM_RENAME);
}

TEST(mode_of_the_group)
{
	CHECK_EQ(setresgid(-1, GROUP, -1), 0);
	owner_and_mode(0640, GROUP, KTM_TX_QUERY_INFORMATION, KTM_TM_QUERY_INFORMATION);
	/* Who is in the group gets what the group gets, not what others get. */
	owner_and_mode(0604, GROUP, 0, 0);
	owner_and_mode(0640, NOBODY, 0, 0);
}

static void own_objects(void *unused)
{
	int fd;
	guid_t uow;

	(void)unused;
	become(NOBODY, NOBODY);
	fd = tx_create(-1);
	uow = tx_info(fd).uow;
	/* 0600 has no x: the owner, too, needs it to commit through a second opening. */
	CHECK_EQ(try_open(dev(), KTM_IOC_TX_OPEN, uow, KTM_MAXIMUM_ALLOWED, &fd), 0);
	CHECK_EQ(rights_of(fd), KTM_TX_RESOURCE_MANAGER_RIGHTS);
	OPEN(dev(), KTM_IOC_TX_OPEN, uow, KTM_TX_COMMIT, KTM_STATUS_ACCESS_DENIED);
	go(1);
	meet(2);
}

/* The capability overrides, and sees all. */
TEST(administrator)
{
	pid_t owner;
	unsigned int n = count_objects(dev(), KTM_KIND_TX);

	owner = test_spawn(own_objects, NULL);
	meet(1);
	CHECK_EQ(count_objects(dev(), KTM_KIND_TX), n + 1);
	go(2);
	test_join(owner);
}

TEST(bad_modes)
{
	struct ktm_tm_create t = ARG(ktm_tm_create, .flags = KTM_TM_VOLATILE, .device_fd = -1,
				     .access = KTM_TM_ALL_ACCESS, .mode = 01000);
	struct ktm_tx_create x = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = -1,
				     .mode = 0100600);
	struct ktm_rm_create r = ARG(ktm_rm_create, .flags = KTM_RM_VOLATILE, .mode = ~0u,
				     .access = KTM_RM_ALL_ACCESS);
	int tm = tm_volatile(), tx = tx_create(tm), rm = rm_create(tm, KTM_RM_VOLATILE);
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = EN_MASK, .mode = 010000);

	CALL(dev(), KTM_IOC_TM_CREATE, &t, KTM_STATUS_INVALID_PARAMETER);
	CALL(dev(), KTM_IOC_TX_CREATE, &x, KTM_STATUS_INVALID_PARAMETER);
	CALL(tm, KTM_IOC_RM_CREATE, &r, KTM_STATUS_INVALID_PARAMETER);
	CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_INVALID_PARAMETER);
	CHECK_EQ(tx_info(tx).enlistments, 0);
	CHECK_EQ(tm_info(tm).rms, 1);
}

TEST(narrowing)
{
	int tm = tm_volatile(), rm = rm_create(tm, KTM_RM_VOLATILE), tx = tx_create(tm), less, least;
	int en = enlist_fd(rm, tx, KTM_EN_ALL_ACCESS, NULL);
	struct ktm_narrow n = ARG(ktm_narrow);

	less = narrow(tx, KTM_TX_RESOURCE_MANAGER_RIGHTS);
	CHECK_EQ(rights_of(less), KTM_TX_RESOURCE_MANAGER_RIGHTS);
	CHECK_EQ(rights_of(tx), KTM_TX_ALL_ACCESS);
	COMMIT(less, 0, KTM_STATUS_ACCESS_DENIED);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);

	/* Not back, not to nothing, not to what there is not. */
	n.access = KTM_TX_ALL_ACCESS;
	CALL(less, KTM_IOC_NARROW, &n, KTM_STATUS_ACCESS_DENIED);
	n.access = 0;
	CALL(tx, KTM_IOC_NARROW, &n, KTM_STATUS_INVALID_PARAMETER);
	n.access = 0x40;
	CALL(tx, KTM_IOC_NARROW, &n, KTM_STATUS_INVALID_PARAMETER);
	/* What it grants is what this descriptor has, not what the mode would. */
	n.access = KTM_MAXIMUM_ALLOWED;
	CALL(tx, KTM_IOC_NARROW, &n, KTM_STATUS_INVALID_PARAMETER);

	CHECK_EQ(rights_of(narrow(tm, KTM_TM_CREATE_RM)), KTM_TM_CREATE_RM);
	CHECK_EQ(rights_of(narrow(rm, KTM_RM_GET_NOTIFICATION)), KTM_RM_GET_NOTIFICATION);
	CHECK_EQ(rights_of(narrow(en, KTM_EN_RECOVER)), KTM_EN_RECOVER);
	/* Narrowing needs no right of its own, and keeps the object. */
	rm = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(tm);
	least = narrow(rm, KTM_RM_ENLIST);
	less = narrow(least, KTM_RM_ENLIST);
	close(least);
	close(rm);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	enlist(less, tx);
	close(less);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
}

TEST(exclusive_rms)
{
	int tm = tm_volatile(), rm, second;
	guid_t g = guid_of(5);
	struct ktm_open o = ARG(ktm_open, .access = KTM_RM_ALL_ACCESS, .guid = g);

	rm = rm_create_as(tm, KTM_RM_VOLATILE | KTM_RM_EXCLUSIVE, &g);
	CHECK(rm_info(rm).flags & KTM_RM_EXCLUSIVE);
	CALL(tm, KTM_IOC_RM_OPEN, &o, KTM_STATUS_SHARING_VIOLATION);
	o.flags = KTM_OPEN_EXCLUSIVE;
	CALL(tm, KTM_IOC_RM_OPEN, &o, KTM_STATUS_SHARING_VIOLATION);
	close(rm);

	/* Opened by two, nobody can have it alone. */
	rm = rm_create_as(tm, KTM_RM_VOLATILE, &g);
	CALL(tm, KTM_IOC_RM_OPEN, &o, KTM_STATUS_SHARING_VIOLATION);
	second = rm_open(tm, &g);
	CALL(tm, KTM_IOC_RM_OPEN, &o, KTM_STATUS_SHARING_VIOLATION);
	close(second);
	CHECK_EQ(rm_info(rm).online, 1);
}

/* Who may only look does not count: he keeps nothing, and stands in nobody's way. */
TEST(looking_at_an_rm)
{
	int tm = tm_volatile(), rm, look, tx = tx_create(tm);
	guid_t g = guid_of(5);
	struct ktm_open o = ARG(ktm_open, .access = KTM_RM_QUERY_INFORMATION, .guid = g);

	rm = rm_create_as(tm, KTM_RM_VOLATILE | KTM_RM_EXCLUSIVE, &g);
	CALL(tm, KTM_IOC_RM_OPEN, &o, KTM_STATUS_SUCCESS);
	look = o.fd;
	enlist(rm, tx);
	CHECK_EQ(rm_info(look).enlistments, 1);
	close(rm);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	CHECK_EQ(rm_info(look).enlistments, 0);
	close(rm_create_as(tm, KTM_RM_VOLATILE | KTM_RM_EXCLUSIVE, &g));
}

TEST(unknown_flags_of_open)
{
	int tm = tm_volatile(), tx = tx_create(tm), rm = rm_create(tm, KTM_RM_VOLATILE);
	struct ktm_open o = ARG(ktm_open, .access = KTM_TM_ALL_ACCESS, .guid = tm_guid(tm),
				.flags = KTM_OPEN_EXCLUSIVE);

	CALL(dev(), KTM_IOC_TM_OPEN, &o, KTM_STATUS_INVALID_PARAMETER);
	o.guid = tx_info(tx).uow;
	CALL(dev(), KTM_IOC_TX_OPEN, &o, KTM_STATUS_INVALID_PARAMETER);
	o.guid = enlist(rm, tx);
	o.access = KTM_EN_ALL_ACCESS;
	CALL(rm, KTM_IOC_EN_OPEN, &o, KTM_STATUS_INVALID_PARAMETER);
	o.guid = rm_info(rm).guid;
	o.flags = 2;
	CALL(tm, KTM_IOC_RM_OPEN, &o, KTM_STATUS_INVALID_PARAMETER);
}

TEST(descriptions)
{
	static const char text[] = "Gr\xc3\xbc\xc3\x9f" "e aus dem Lager";
	char longest[KTM_MAX_DESCRIPTION + 1];
	struct ktm_tx_create x = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = -1,
				     .description = (uintptr_t)text,
				     .description_length = sizeof(text) - 1);
	struct ktm_rm_create r = ARG(ktm_rm_create, .flags = KTM_RM_VOLATILE,
				     .access = KTM_RM_ALL_ACCESS);
	struct ktm_tx_info ti;
	struct ktm_rm_info ri;
	int tm = tm_volatile();

	CALL(dev(), KTM_IOC_TX_CREATE, &x, KTM_STATUS_SUCCESS);
	ti = tx_info(x.fd);
	CHECK_EQ(ti.description_length, sizeof(text) - 1);
	CHECK(!memcmp(ti.description, text, sizeof(text) - 1));
	/* Padded with zeros, to the last byte. */
	CHECK_EQ(ti.description[sizeof(text) - 1], 0);
	CHECK_EQ(ti.description[KTM_MAX_DESCRIPTION - 1], 0);

	memset(longest, 'x', sizeof(longest));
	r.description = (uintptr_t)longest;
	r.description_length = KTM_MAX_DESCRIPTION;
	CALL(tm, KTM_IOC_RM_CREATE, &r, KTM_STATUS_SUCCESS);
	ri = rm_info(r.fd);
	CHECK_EQ(ri.description_length, KTM_MAX_DESCRIPTION);
	CHECK(!memcmp(ri.description, longest, KTM_MAX_DESCRIPTION));

	x.description_length = r.description_length = KTM_MAX_DESCRIPTION + 1;
	x.description = (uintptr_t)longest;
	memset(&r.guid, 0, sizeof(r.guid));
	memset(&x.uow, 0, sizeof(x.uow));
	CALL(dev(), KTM_IOC_TX_CREATE, &x, KTM_STATUS_INVALID_PARAMETER);
	CALL(tm, KTM_IOC_RM_CREATE, &r, KTM_STATUS_INVALID_PARAMETER);
	x.description_length = r.description_length = 10;
	x.description = r.description = 1;
	CALL(dev(), KTM_IOC_TX_CREATE, &x, KTM_STATUS_FAULT);
	CALL(tm, KTM_IOC_RM_CREATE, &r, KTM_STATUS_FAULT);
	CHECK_EQ(tm_info(tm).rms, 1);
}

#define MANY	100

TEST(enumeration)
{
	guid_t got[MANY + 8], last;
	struct ktm_enumerate e;
	int tm = tm_volatile(), other = tm_volatile();
	int rm = rm_create(tm, KTM_RM_VOLATILE);
	unsigned int step, i, n, status;
	int tx[MANY];

	for (i = 0; i < MANY; i++)
		tx[i] = tx_create(tm);
	close(tx_create(other));
	for (step = 1; step <= MANY + 7; step += 7) {
		e = ARG(ktm_enumerate, .kind = KTM_KIND_TX);
		n = 0;
		do {
			e.count = step;
			e.guids = (uintptr_t)(got + n);
			status = test_try(tm, KTM_IOC_ENUMERATE, &e);
			if (status == KTM_STATUS_SUCCESS)
				CHECK(e.count >= 1 && e.count <= step);
			else
				CHECK_EQ(status, KTM_STATUS_NO_MORE_ENTRIES);
			n += e.count;
			CHECK(n <= MANY);
		} while (status == KTM_STATUS_SUCCESS);
		CHECK_EQ(e.count, 0);
		CHECK_EQ(n, MANY);
		for (i = 1; i < n; i++)
			CHECK(memcmp(&got[i - 1], &got[i], sizeof(got[0])) < 0);
	}
	for (i = 0; i < MANY; i++)
		CHECK(listed(tm, KTM_KIND_TX, tx_info(tx[i]).uow));

	/* One of them goes while somebody stands on it: nothing is shown twice or lost. */
	e = ARG(ktm_enumerate, .kind = KTM_KIND_TX, .count = MANY / 2, .guids = (uintptr_t)got);
	CALL(tm, KTM_IOC_ENUMERATE, &e, KTM_STATUS_SUCCESS);
	last = got[MANY / 2 - 1];
	CHECK(same(&e.cursor, &last));
	for (i = 0; i < MANY; i++) {
		guid_t uow = tx_info(tx[i]).uow;

		if (same(&uow, &last))
			close(tx[i]);
	}
	while (listed(tm, KTM_KIND_TX, last))
		nap();
	e.count = MANY;
	CALL(tm, KTM_IOC_ENUMERATE, &e, KTM_STATUS_SUCCESS);
	CHECK_EQ(e.count, MANY / 2);

	CHECK_EQ(count_objects(tm, KTM_KIND_RM), 1);
	CHECK_EQ(count_objects(other, KTM_KIND_RM), 0);
	CHECK_EQ(count_objects(rm, KTM_KIND_EN), 0);
	enlist(rm, tx_create(-1));
	CHECK_EQ(count_objects(rm, KTM_KIND_EN), 1);
	CHECK(count_objects(dev(), KTM_KIND_TM) >= 2);
}

TEST(bad_enumerations)
{
	guid_t g;
	struct ktm_enumerate e = ARG(ktm_enumerate, .kind = KTM_KIND_TX, .count = 0,
				     .guids = (uintptr_t)&g);
	int tm = tm_volatile(), rm = rm_create(tm, KTM_RM_VOLATILE), tx = tx_create(tm);

	CALL(tm, KTM_IOC_ENUMERATE, &e, KTM_STATUS_INVALID_PARAMETER);
	e.count = 4097;
	CALL(tm, KTM_IOC_ENUMERATE, &e, KTM_STATUS_INVALID_PARAMETER);
	e.count = 1;
	e.guids = 1;
	CALL(tm, KTM_IOC_ENUMERATE, &e, KTM_STATUS_FAULT);
	e.guids = (uintptr_t)&g;
	e.kind = KTM_KIND_EN;
	CALL(tm, KTM_IOC_ENUMERATE, &e, KTM_STATUS_INVALID_PARAMETER);
	e.kind = KTM_KIND_RM;
	CALL(dev(), KTM_IOC_ENUMERATE, &e, KTM_STATUS_INVALID_PARAMETER);
	e.kind = KTM_KIND_TX;
	CALL(rm, KTM_IOC_ENUMERATE, &e, KTM_STATUS_INVALID_PARAMETER);
	e.kind = 77;
	CALL(dev(), KTM_IOC_ENUMERATE, &e, KTM_STATUS_INVALID_PARAMETER);
	e.kind = KTM_KIND_TX;
	CALL_ERRNO(tx, KTM_IOC_ENUMERATE, &e, ENOTTY);
	e.kind = KTM_KIND_RM;
	CALL(narrow(tm, KTM_TM_ALL_ACCESS & ~KTM_TM_QUERY_INFORMATION), KTM_IOC_ENUMERATE, &e,
	     KTM_STATUS_ACCESS_DENIED);
	e.kind = KTM_KIND_EN;
	CALL(narrow(rm, KTM_RM_ALL_ACCESS & ~KTM_RM_QUERY_INFORMATION), KTM_IOC_ENUMERATE, &e,
	     KTM_STATUS_ACCESS_DENIED);
}

TEST(queries)
{
	int tm = tm_volatile(), rm = rm_create(tm, KTM_RM_VOLATILE), tx = tx_create(tm);
	guid_t a = enlist_key(rm, tx, 7), rm_id = rm_info(rm).guid, unknown = guid_of(3);
	struct ktm_en_pair pairs[4];
	struct ktm_query q = ARG(ktm_query, .info_class = KTM_INFO_TX_ENLISTMENTS,
				 .length = sizeof(pairs), .buffer = (uintptr_t)pairs);
	char buffer[512];

	CALL(tx, KTM_IOC_QUERY, &q, KTM_STATUS_SUCCESS);
	CHECK_EQ(q.length, sizeof(pairs[0]));
	CHECK(same(&pairs[0].enlistment, &a));
	CHECK(same(&pairs[0].rm, &rm_id));
	CHECK_EQ(pairs[0].state, KTM_EN_STATE_ACTIVE);
	CHECK_EQ(pairs[0].present, 1);

	/* Too small: says how much, writes nothing. */
	memset(buffer, 0x5a, sizeof(buffer));
	q = ARG(ktm_query, .info_class = KTM_INFO_TX_BASIC, .buffer = (uintptr_t)buffer,
		.length = sizeof(struct ktm_tx_info) - 1);
	CALL(tx, KTM_IOC_QUERY, &q, KTM_STATUS_BUFFER_TOO_SMALL);
	CHECK_EQ(q.length, sizeof(struct ktm_tx_info));
	CHECK_EQ(buffer[0], 0x5a);
	q.length = 0;
	CALL(tx, KTM_IOC_QUERY, &q, KTM_STATUS_BUFFER_TOO_SMALL);
	CHECK_EQ(q.length, sizeof(struct ktm_tx_info));
	/* Larger than needed: the rest stays as it was. */
	q.length = sizeof(buffer);
	CALL(tx, KTM_IOC_QUERY, &q, KTM_STATUS_SUCCESS);
	CHECK_EQ(q.length, sizeof(struct ktm_tx_info));
	CHECK_EQ(buffer[sizeof(struct ktm_tx_info)], 0x5a);
	q.buffer = 1;
	CALL(tx, KTM_IOC_QUERY, &q, KTM_STATUS_FAULT);

	q.buffer = (uintptr_t)buffer;
	q.length = sizeof(buffer);
	q.info_class = KTM_INFO_TM_BASIC;
	CALL(tx, KTM_IOC_QUERY, &q, KTM_STATUS_INVALID_INFO_CLASS);
	q.info_class = KTM_INFO_TX_BASIC;
	CALL(tm, KTM_IOC_QUERY, &q, KTM_STATUS_INVALID_INFO_CLASS);
	q.info_class = 0;
	CALL(rm, KTM_IOC_QUERY, &q, KTM_STATUS_INVALID_INFO_CLASS);
	q.info_class = KTM_INFO_EN_BASIC;
	q.guid = unknown;
	CALL(rm, KTM_IOC_QUERY, &q, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	q.info_class = KTM_INFO_RM_BASIC;
	CALL(rm, KTM_IOC_QUERY, &q, KTM_STATUS_INVALID_PARAMETER);
	CALL_ERRNO(dev(), KTM_IOC_QUERY, &q, ENOTTY);
}

TEST(fdinfo_says_what_it_is)
{
	int tm = tm_volatile(), rm = rm_create(tm, KTM_RM_VOLATILE), tx = tx_create(tm);
	const struct {
		int fd;
		unsigned int rights;
	} all[] = {
		{ tm, KTM_TM_ALL_ACCESS }, { rm, KTM_RM_ALL_ACCESS }, { tx, KTM_TX_ALL_ACCESS },
		{ enlist_fd(rm, tx, KTM_EN_QUERY_INFORMATION, NULL), KTM_EN_QUERY_INFORMATION },
	};
	unsigned int i;

	for (i = 0; i < 4; i++) {
		CHECK_EQ(rights_of(all[i].fd), all[i].rights);
		CHECK_EQ(fcntl(all[i].fd, F_GETFD), FD_CLOEXEC);
	}
}

/* A descriptor in flight in a socket is open: the transaction lives in there. */
TEST(passed_over_a_socket)
{
	int sock[2], tx = tx_create(-1), got;
	guid_t uow = tx_info(tx).uow;
	int look = tx_open(&uow, KTM_TX_QUERY_INFORMATION);

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock), 0);
	send_fd(sock[0], tx);
	close(tx);
	TX_IS(look, KTM_TX_STATE_ACTIVE);
	got = recv_fd(sock[1]);
	CHECK_EQ(rights_of(got), KTM_TX_ALL_ACCESS);
	COMMIT(got, 0, KTM_STATUS_SUCCESS);
	TX_IS(look, KTM_TX_STATE_COMMITTED);

	/* Dropped with the socket, it is closed. */
	tx = tx_create(-1);
	uow = tx_info(tx).uow;
	look = tx_open(&uow, KTM_TX_QUERY_INFORMATION);
	send_fd(sock[0], tx);
	close(tx);
	close(sock[0]);
	close(sock[1]);
	TX_BECOMES(look, KTM_TX_STATE_ABORTED);
}

struct receiver {
	int sock;
};

static void commit_what_comes(void *data)
{
	struct receiver *r = data;

	become(NOBODY, NOBODY);
	COMMIT(recv_fd(r->sock), 0, KTM_STATUS_SUCCESS);
}

/* Rights go with the descriptor, whoever uses it. */
TEST(passed_to_another_user)
{
	struct receiver r;
	int sock[2], tx = tx_create(-1);
	pid_t other;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock), 0);
	r.sock = sock[1];
	other = test_spawn(commit_what_comes, &r);
	send_fd(sock[0], tx);
	test_join(other);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

static void hold_inherited(void *unused)
{
	(void)unused;
	go(1);
	meet(2);
}

TEST(dup_and_fork_keep_it_open)
{
	int tx = tx_create(-1), twin;
	guid_t uow = tx_info(tx).uow;
	int look = tx_open(&uow, KTM_TX_QUERY_INFORMATION);
	pid_t child;

	twin = dup(tx);
	close(tx);
	TX_IS(look, KTM_TX_STATE_ACTIVE);
	child = test_spawn(hold_inherited, NULL);
	meet(1);
	close(twin);
	TX_IS(look, KTM_TX_STATE_ACTIVE);
	go(2);
	test_join(child);
	TX_BECOMES(look, KTM_TX_STATE_ABORTED);
	SHOWS("close copies-count");
}

/* An RM keeps its TM, an enlistment is no handle of its transaction. */
TEST(who_keeps_whom)
{
	int tm = tm_volatile(), rm = rm_create(tm, KTM_RM_VOLATILE), tx = tx_create(tm), en;
	guid_t id = tm_guid(tm), g;

	en = enlist_fd(rm, tx, KTM_EN_ALL_ACCESS, &g);
	close(tm);
	CHECK(listed(dev(), KTM_KIND_TM, id));
	commit_one(rm, tx_create(-1));
	close(tx);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, g);
	CHECK_EQ(en_info(en).state, KTM_EN_STATE_ABORTING);
	ANSWER_FD(en, KTM_IOC_ROLLBACK_COMPLETE, KTM_STATUS_SUCCESS);
	close(rm);
	CHECK_EQ(en_info(en).state, KTM_EN_STATE_ABORTED);
	SHOWS("close rm-keeps-its-tm");
	SHOWS("close enlistment-is-no-handle");
}

static void reach_the_limit(void *data)
{
	unsigned int *room = data;
	struct ktm_tx_create x = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = -1);
	struct ktm_tm_create t = ARG(ktm_tm_create, .flags = KTM_TM_VOLATILE, .device_fd = -1,
				     .access = KTM_TM_ALL_ACCESS);
	int tm, rm, tx, fd = -1;
	struct ktm_rm_create r = ARG(ktm_rm_create, .flags = KTM_RM_VOLATILE,
				     .access = KTM_RM_ALL_ACCESS);
	struct ktm_enlist e = ARG(ktm_enlist, .mask = EN_MASK);
	unsigned int i;

	if (room[1])
		CHECK_EQ(unshare(CLONE_NEWUSER), 0);
	else
		become(NOBODY, NOBODY);
	tm = tm_volatile();
	rm = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(tm);
	for (i = 3; i < room[0]; i++)
		fd = tx_create(-1);
	CALL(dev(), KTM_IOC_TX_CREATE, &x, KTM_STATUS_QUOTA_EXCEEDED);
	CALL(dev(), KTM_IOC_TM_CREATE, &t, KTM_STATUS_QUOTA_EXCEEDED);
	CALL(tm, KTM_IOC_RM_CREATE, &r, KTM_STATUS_QUOTA_EXCEEDED);
	e.tx_fd = tx;
	CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_QUOTA_EXCEEDED);
	CHECK_EQ(tx_info(tx).enlistments, 0);
	CHECK_EQ(tm_info(tm).rms, 1);
	/* A second descriptor is no second object. */
	close(narrow(tx, KTM_TX_QUERY_INFORMATION));
	/* One goes, one may come; the object may go a moment after its descriptor. */
	close(fd);
	while (test_try(dev(), KTM_IOC_TX_CREATE, &x) == KTM_STATUS_QUOTA_EXCEEDED)
		nap();
	CHECK_EQ(x.status, KTM_STATUS_SUCCESS);
}

/* What one user can pin is bounded, and making a user namespace makes no room. */
TEST(limit_per_user)
{
	unsigned int plain[2] = { 20, 0 };

	set_limit(20);
	test_join(test_spawn(reach_the_limit, plain));
	/* The administrator has a limit of his own, not used up by the others. */
	close(tx_create(-1));
	set_limit(65536);
}

static void in_a_namespace(void *data)
{
	unsigned int room[2] = { *(unsigned int *)data, 1 };

	become(NOBODY, NOBODY);
	/* Two on this side, the rest on the other, charged to both. */
	tx_create(-1);
	tx_create(-1);
	test_join(test_spawn(reach_the_limit, room));
}

TEST(limit_per_user_in_a_namespace)
{
	unsigned int room = 18;

	if (run("test -e /proc/self/ns/user"))
		test_skip("no user namespaces here");
	set_limit(20);
	test_join(test_spawn(in_a_namespace, &room));
	set_limit(65536);
}

static void live_in_a_namespace(void *unused)
{
	struct ktm_tx_create x = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = -1);

	(void)unused;
	CHECK_EQ(unshare(CLONE_NEWUSER), 0);
	while (test_try(dev(), KTM_IOC_TX_CREATE, &x) == KTM_STATUS_SUCCESS)
		x.uow = nil;
	CHECK_EQ(x.status, KTM_STATUS_QUOTA_EXCEEDED);
	go(1);
	meet(2);
}

/* Those who live in a namespace that root made are not on his account. */
TEST(limit_of_who_lives_in_a_namespace_of_roots)
{
	pid_t somebody;

	if (run("test -e /proc/self/ns/user"))
		test_skip("no user namespaces here");
	set_limit(20);
	somebody = test_spawn(live_in_a_namespace, NULL);
	meet(1);
	close(tx_create(-1));
	go(2);
	test_join(somebody);
	set_limit(65536);
}

static int tx_of(uid_t uid)
{
	int tx;

	CHECK_EQ(seteuid(uid), 0);
	tx = tx_create(-1);
	CHECK_EQ(seteuid(0), 0);
	return tx;
}

/* One client of an RM leaves the others what they may have of it. */
TEST(limit_per_client)
{
	int rm = rm_create(tm_volatile(), KTM_RM_VOLATILE), tx = -1;
	struct ktm_enlist e = ARG(ktm_enlist, .mask = EN_MASK);
	unsigned int n = 0;

	set_limit(20);
	do {
		tx = n % 2 ? tx : tx_of(NOBODY);
		e.tx_fd = tx;
	} while (test_try(rm, KTM_IOC_ENLIST, &e) == KTM_STATUS_SUCCESS && n++ < 20);
	CHECK_EQ(e.status, KTM_STATUS_QUOTA_EXCEEDED);
	/* Two for each transaction, and that one itself. */
	CHECK_EQ(n, 13);
	enlist(rm, tx_of(NOBODY - 1));
	/* In one of root's own it is who enlists that pays. */
	enlist(rm, tx_create(-1));
	set_limit(65536);
}

TEST(too_many_files)
{
	struct rlimit limit = { 40, 40 };
	struct ktm_tx_create x = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = -1);
	int tm = tm_volatile(), rm = rm_create(tm, KTM_RM_VOLATILE), tx = tx_create(tm);
	struct ktm_tm_create t = ARG(ktm_tm_create, .flags = KTM_TM_VOLATILE, .device_fd = -1,
				     .access = KTM_TM_ALL_ACCESS);
	struct ktm_rm_create r = ARG(ktm_rm_create, .flags = KTM_RM_VOLATILE,
				     .access = KTM_RM_ALL_ACCESS);
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = EN_MASK,
				  .flags = KTM_ENLIST_FD, .access = KTM_EN_ALL_ACCESS);
	struct ktm_narrow n = ARG(ktm_narrow, .access = KTM_TX_QUERY_INFORMATION);
	guid_t en = enlist(rm, tx);
	unsigned int before;

	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (dup(tx) >= 0)
		;
	before = count_objects(dev(), KTM_KIND_TX);
	CALL(dev(), KTM_IOC_TX_CREATE, &x, KTM_STATUS_TOO_MANY_FILES);
	CALL(dev(), KTM_IOC_TM_CREATE, &t, KTM_STATUS_TOO_MANY_FILES);
	CALL(tm, KTM_IOC_RM_CREATE, &r, KTM_STATUS_TOO_MANY_FILES);
	CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_TOO_MANY_FILES);
	CALL(tx, KTM_IOC_NARROW, &n, KTM_STATUS_TOO_MANY_FILES);
	OPEN(dev(), KTM_IOC_TM_OPEN, tm_guid(tm), KTM_TM_ALL_ACCESS, KTM_STATUS_TOO_MANY_FILES);
	OPEN(dev(), KTM_IOC_TX_OPEN, tx_info(tx).uow, KTM_TX_ALL_ACCESS,
	     KTM_STATUS_TOO_MANY_FILES);
	OPEN(tm, KTM_IOC_RM_OPEN, rm_info(rm).guid, KTM_RM_ALL_ACCESS, KTM_STATUS_TOO_MANY_FILES);
	OPEN(rm, KTM_IOC_EN_OPEN, en, KTM_EN_ALL_ACCESS, KTM_STATUS_TOO_MANY_FILES);
	/* Nothing came of it. */
	CHECK_EQ(count_objects(dev(), KTM_KIND_TX), before);
	CHECK_EQ(tm_info(tm).rms, 1);
	CHECK_EQ(tx_info(tx).enlistments, 1);
}

/* An RM that serves many TMs has the same GUID in each. */
TEST(same_rm_in_many_tms)
{
	const guid_t guid = guid_of(77);
	unsigned int i;

	for (i = 0; i < 200; i++)
		rm_create_as(tm_volatile(), KTM_RM_VOLATILE, &guid);
}
