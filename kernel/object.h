/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the five kinds of objects have in common, and their descriptors.
 *
 * An object is found by (scope, GUID) in the table of its kind (durable and
 * volatile TMs are apart, transactions have no scope); the scope of an
 * RM and of a stream is its TM, that of an enlistment its RM, the others have none.
 * References:
 * - the table holds one while the object is in it (ktm_object_publish() to
 *   ktm_object_unpublish());
 * - each handle holds one;
 * - an enlistment holds one on its RM and one on its transaction; the
 *   transaction's list holds one on each enlistment until the transaction is
 *   finished, which breaks the circle;
 * - an RM, a stream and a transaction that is bound hold one on the TM.
 */
#ifndef KTM_OBJECT_H
#define KTM_OBJECT_H

#include <linux/bits.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/kref.h>
#include <linux/rhashtable-types.h>
#include <linux/sockptr.h>
#include <linux/uidgid.h>
#include <uapi/linux/ktm.h>

#include "quota.h"

/* A flag of ->opened() that user space cannot give: the opener has it open already. */
#define KTM_OPEN_AGAIN	BIT(31)

struct ktm_object;
struct ktm_handle;
struct ktm_listing;
struct ktm_user;
struct seq_file;

/**
 * struct ktm_kind_ops - what differs between the kinds
 * @name: for fdinfo and /proc
 * @fops: of its descriptors
 * @not_found: status for a GUID that is none of its
 * @all_access: every right that there is
 * @r: rights that mode bit r grants to whom it applies
 * @w: the same for w
 * @x: the same for x
 * @opened: a handle is being made: count it, or refuse with a status; flags
 *	KTM_OPEN_EXCLUSIVE, KTM_OPEN_AGAIN
 * @closed: the last reference to a handle's file is gone; @unseen: before anybody has had it, so
 *	nobody has closed it either; any process context
 * @free: the last reference to the object is gone; must not sleep, frees by RCU
 * @show: one line for fdinfo
 * @handle_bytes: of a handle, struct ktm_handle first; 0: only that
 * @handle_made: a handle is filled in, before anybody can use it; may sleep
 * @handle_gone: nobody uses it any more; before @closed
 */
struct ktm_kind_ops {
	const char *name;
	const struct file_operations *fops;
	u32 not_found;
	u32 all_access, r, w, x;
	u32 (*opened)(struct ktm_object *obj, u32 access, u32 flags);
	void (*closed)(struct ktm_object *obj, u32 access, bool unseen);
	void (*free)(struct ktm_object *obj);
	void (*show)(struct ktm_object *obj, struct seq_file *m);
	size_t handle_bytes;
	void (*handle_made)(struct ktm_handle *handle);
	void (*handle_gone)(struct ktm_handle *handle);
};

extern const struct ktm_kind_ops ktm_tm_ops, ktm_rm_ops, ktm_tx_ops, ktm_en_ops, ktm_stream_ops;

/*
 * All fields but @ref and @node are fixed before the object is
 * published, but for the @guid of a durable TM, which can be renamed while it is
 * offline and has nothing in it: ktm_object_guid() reads that. @user: who is charged.
 * @unbounded: whoever made it has CAP_SYS_RESOURCE, so what is held in a log for it is not
 * held to his share.
 *
 * Who finds one without a reference looks at it under RCU, so each kind is freed by that; where its
 * struct has that in place of something else, nobody looks at that without a reference.
 */
struct ktm_object {
	struct kref ref;
	u8 kind;
	bool unbounded;
	umode_t mode;
	struct rhash_head node;
	const struct ktm_kind_ops *ops;
	const void *scope;
	struct ktm_guid guid;
	kuid_t uid;
	kgid_t gid;
	struct ktm_user *user;
};

/*
 * private_data of a descriptor's file, or a driver's use of the object; fixed when it is
 * made, but for @unseen: until who asked for it has it. A kind may have more behind it.
 */
struct ktm_handle {
	struct ktm_object *obj;
	u32 access;
	bool unseen;
};

int ktm_objects_init(void);
void ktm_objects_exit(void);

u32 ktm_object_init_paid(struct ktm_object *obj, u8 kind, const void *scope,
			 const struct ktm_guid *guid, u32 mode, const struct ktm_object *payer);
bool ktm_object_loggable(const struct ktm_guid *guid, u32 mode, u32 uid, u32 gid);
u32 ktm_object_init_recovered(struct ktm_object *obj, u8 kind, const void *scope,
			      const struct ktm_guid *guid, u32 mode, u32 uid, u32 gid);
int ktm_object_publish(struct ktm_object *obj);
int ktm_object_publish_nofail(struct ktm_object *obj);
void ktm_object_unpublish(struct ktm_object *obj);
struct ktm_object *ktm_object_reserve(const struct ktm_object *obj, const struct ktm_guid *guid);
void ktm_object_unreserve(struct ktm_object *place);
void ktm_object_rename(struct ktm_object *obj, struct ktm_object *place);
struct ktm_guid ktm_object_guid(const struct ktm_object *obj);
struct ktm_object *ktm_object_find(u8 kind, const void *scope, const struct ktm_guid *guid);
u32 ktm_object_grant(const struct ktm_object *obj, u32 access, u32 *granted);
u32 ktm_object_enumerate(u8 kind, struct ktm_listing *arg,
			 bool (*wanted)(const struct ktm_object *obj, const void *ctx),
			 const void *ctx);
const struct ktm_kind_ops *ktm_kind(u8 kind);
void ktm_object_release(struct kref *ref);

/* ktm_object_init_paid(), and the caller is charged for it. */
static inline u32 ktm_object_init(struct ktm_object *obj, u8 kind, const void *scope,
				  const struct ktm_guid *guid, u32 mode)
{
	return ktm_object_init_paid(obj, kind, scope, guid, mode, NULL);
}

static inline void ktm_object_get(struct ktm_object *obj)
{
	kref_get(&obj->ref);
}

static inline void ktm_object_put(struct ktm_object *obj)
{
	kref_put(&obj->ref, ktm_object_release);
}

static inline bool ktm_guid_is_nil(const struct ktm_guid *guid)
{
	return !memchr_inv(guid, 0, sizeof(*guid));
}

static inline bool ktm_guid_eq(const struct ktm_guid *a, const struct ktm_guid *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Which objects are listed, and where to: as struct ktm_enumerate, but in either memory. */
struct ktm_listing {
	u32 kind;
	u32 count;
	struct ktm_guid cursor;
	sockptr_t guids;
};

/* An address in what somebody asks for: a process's own, or a driver's in the kernel. */
static inline sockptr_t ktm_pointer(bool in_kernel, u64 at)
{
	if (in_kernel)
		return KERNEL_SOCKPTR((void *)(uintptr_t)at);
	return USER_SOCKPTR(u64_to_user_ptr(at));
}

/* May it be used for all that? */
static inline bool ktm_may(const struct ktm_handle *handle, u32 access)
{
	return !(access & ~handle->access);
}

/* handle.c */

/*
 * What a request makes. @handle: NULL: nothing yet. @file, @fd: its descriptor, not yet visible.
 * @in_kernel: a driver asks: there is no descriptor, and what it points to is in the kernel.
 * @caller: where in the driver.
 */
struct ktm_new_fd {
	struct ktm_handle *handle;
	struct file *file;
	int fd;
	bool in_kernel;
	unsigned long caller;
};

u32 ktm_handle_begin(struct ktm_object *obj, u32 access, u32 flags, struct ktm_handle **made);
void ktm_handle_end(struct ktm_handle *handle);
u32 ktm_handle_create(struct ktm_object *obj, u32 access, u32 flags, struct ktm_new_fd *nfd);
u32 ktm_handle_narrow(struct ktm_handle *handle, u32 access, struct ktm_new_fd *nfd);
u32 ktm_handle_open_object(struct ktm_object *obj, u32 access, u32 flags, struct ktm_new_fd *nfd);
u32 ktm_handle_open(u8 kind, const void *scope, u32 flags, struct ktm_open *arg,
		    struct ktm_new_fd *nfd);
void ktm_new_fd_install(struct ktm_new_fd *nfd);
void ktm_new_fd_cancel(struct ktm_new_fd *nfd);
struct ktm_handle *ktm_handle_of(struct file *file);
u32 ktm_handle_get(int fd, u8 kind, u32 access, struct fd *f, struct ktm_handle **handle);
int ktm_handle_release(struct inode *inode, struct file *file);
void ktm_handle_show_fdinfo(struct seq_file *m, struct file *file);

/* forgetful.c */
int ktm_forgetful_init(void);
void ktm_forgetful_exit(void);
u32 ktm_held_begin(const struct ktm_handle *handle, unsigned long caller);
bool ktm_held_end(const struct ktm_handle *handle);

/* ioctl.c */
long ktm_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

#endif /* KTM_OBJECT_H */
