// SPDX-License-Identifier: GPL-2.0
/*
 * ktm_sample_client - a driver that begins and commits transactions of its own: an example,
 * explained in Documentation/kernel-rm.md.
 *
 * Who writes "KEY VALUE" to /dev/ktm_sample_client has that written to the store of ktm_sample_rm
 * in a transaction, in which an RM of this driver takes part, too: it has a say, and keeps nothing.
 * write() returns when Commit was called. What became of it is read: a line for each, "KEY
 * committed", "KEY rolled back" or "KEY in doubt", in the order in which they end; nothing, when
 * all have been told.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/ktm.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/time64.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "../ktm_sample_rm/ktm_sample_rm.h"
#include "../ktm_sample_rm/sample_rm.h"

static bool refuse;
module_param(refuse, bool, 0644);
MODULE_PARM_DESC(refuse, "vote no");

/* Of one open file: what was not read yet is no more than this. */
#define MOST_JOBS	64

/* A key, a blank, a value. */
#define MOST_TEXT	(KTM_SAMPLE_MAX_KEY + 1 + KTM_SAMPLE_MAX_VALUE)

/* Nobody waits for an RM that does not answer for longer than this before the vote. */
#define TIMEOUT_NS	(60ULL * NSEC_PER_SEC)

/*
 * @users: the open file, and each commit that is not over
 * @lock: all but @rm
 * @rm: our RM, which goes with the file
 * @jobs: how many there are, running or in @done
 * @running: those of them whose commit is not over
 * @done: struct job, that have ended
 * @wait: for @done, or for @running to become 0
 */
struct client {
	struct kref users;
	spinlock_t lock;	/* see above */
	struct ktm_rm_use *rm;
	u32 jobs;
	u32 running;
	struct list_head done;
	wait_queue_head_t wait;
};

struct job {
	struct list_head link;
	struct client *client;
	int err;
	char key[KTM_SAMPLE_MAX_KEY + 1];
};

static void client_free(struct kref *users)
{
	struct client *c = container_of(users, struct client, users);
	struct job *job, *next;

	list_for_each_entry_safe(job, next, &c->done, link)
		kfree(job);
	kfree(c);
}

static void client_put(struct client *c)
{
	kref_put(&c->users, client_free);
}

/* ---- our RM ---- */

/*
 * It is volatile: it has nothing to recover. To return an error from PREPARE is to vote no; for
 * all else ktm gives the answer, as for PREPARE otherwise.
 */
static int callback(void *context, const struct ktm_notification *n, struct ktm_enlistment_use *en)
{
	if (n->kind == KTM_NOTIFY_PREPARE && READ_ONCE(refuse))
		return -EPERM;
	return KTM_CALLBACK_HANDLED;
}

/* In the TM of the store, for all who take part in a transaction belong to one TM. */
static struct ktm_rm_use *make_rm(void)
{
	struct ktm_rm_use *rm;
	struct ktm_tm_use *tm;
	struct ktm_guid guid;
	int err = ktm_sample_rm_tm(&guid);

	if (err)
		return ERR_PTR(err);
	tm = ktm_tm_open(&guid, KTM_TM_CREATE_RM, NULL);
	if (IS_ERR(tm))
		return ERR_CAST(tm);
	rm = ktm_rm_create(tm, KTM_RM_VOLATILE, KTM_RM_ENLIST | KTM_RM_GET_NOTIFICATION, 0,
			   "ktm_sample_client", NULL, NULL);
	ktm_tm_put(tm);
	if (IS_ERR(rm))
		return rm;
	err = ktm_rm_enable_callbacks(rm, callback, NULL, NULL);
	if (!err)
		return rm;
	ktm_rm_put(rm);
	return ERR_PTR(err);
}

/* ---- a transaction ---- */

/* There is room for its line, and the client stays until it is over. */
static struct job *job_new(struct client *c)
{
	struct job *job = kzalloc(sizeof(*job), GFP_KERNEL);
	bool room;

	if (!job)
		return ERR_PTR(-ENOMEM);
	spin_lock(&c->lock);
	room = c->jobs < MOST_JOBS;
	if (room) {
		c->jobs++;
		c->running++;
	}
	spin_unlock(&c->lock);
	if (!room) {
		kfree(job);
		return ERR_PTR(-EDQUOT);
	}
	job->client = c;
	kref_get(&c->users);
	return job;
}

/* It has not come to a commit. */
static void job_drop(struct job *job)
{
	struct client *c = job->client;

	spin_lock(&c->lock);
	c->jobs--;
	c->running--;
	spin_unlock(&c->lock);
	wake_up_all(&c->wait);
	kfree(job);
	client_put(c);
}

/* Called by ktm when the commit is over, in whatever way; the file may be closed by now. */
static void done(void *context, int err, u32 status)
{
	struct job *job = context;
	struct client *c = job->client;

	job->err = err;
	spin_lock(&c->lock);
	c->running--;
	list_add_tail(&job->link, &c->done);
	spin_unlock(&c->lock);
	wake_up_all(&c->wait);
	client_put(c);
}

static int work(struct client *c, struct job *job, struct ktm_transaction_use *tx,
		const char *value)
{
	int err = ktm_sample_rm_write(tx, job->key, strlen(job->key), value, strlen(value));

	if (err)
		return err;
	err = ktm_rm_enlist(c->rm, tx, 0, KTM_NOTIFY_TWO_PHASE, 0, 0, NULL, NULL);
	if (err)
		return err;
	return ktm_transaction_commit_async(tx, done, job, NULL);
}

static int run(struct client *c, const char *key, const char *value)
{
	struct ktm_transaction_use *tx;
	struct job *job = job_new(c);
	int err;

	if (IS_ERR(job))
		return PTR_ERR(job);
	strscpy(job->key, key, sizeof(job->key));
	/* It gets its TM with the first who takes part. */
	tx = ktm_transaction_create(NULL, 0, KTM_TX_COMMIT | KTM_TX_ENLIST, 0, TIMEOUT_NS,
				    "ktm_sample_client", NULL, NULL);
	if (IS_ERR(tx)) {
		job_drop(job);
		return PTR_ERR(tx);
	}
	err = work(c, job, tx, value);
	/* If Commit was not called it is rolled back with this, as nobody else could. */
	ktm_transaction_put(tx);
	if (err)
		job_drop(job);
	return err;
}

/* ---- the device ---- */

static ssize_t client_write(struct file *file, const char __user *from, size_t count, loff_t *pos)
{
	char *text, *key, *value;
	int err = -EINVAL;

	/* With an end of line, perhaps. */
	if (count > MOST_TEXT + 1)
		return -EINVAL;
	text = memdup_user_nul(from, count);
	if (IS_ERR(text))
		return PTR_ERR(text);
	value = strim(text);
	key = strsep(&value, " ");
	if (value && *key && strlen(key) <= KTM_SAMPLE_MAX_KEY)
		err = run(file->private_data, key, value);
	kfree(text);
	return err ?: count;
}

/* One that is over; NULL: nothing is left; -EAGAIN: none yet. */
static struct job *take(struct client *c)
{
	struct job *job;

	spin_lock(&c->lock);
	job = list_first_entry_or_null(&c->done, struct job, link);
	if (job) {
		list_del(&job->link);
		c->jobs--;
	} else if (c->running) {
		job = ERR_PTR(-EAGAIN);
	}
	spin_unlock(&c->lock);
	return job;
}

static bool is_there_something(struct client *c)
{
	bool there;

	spin_lock(&c->lock);
	there = !list_empty(&c->done) || !c->running;
	spin_unlock(&c->lock);
	return there;
}

static const char *name_of(int err)
{
	switch (err) {
	case 0:
		return "committed";
	case -ECANCELED:
		return "rolled back";
	default:
		return "in doubt";
	}
}

/* A line is lost if it cannot be copied: what became of the transaction is in the store. */
static ssize_t client_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	struct client *c = file->private_data;
	char line[KTM_SAMPLE_MAX_KEY + 16];
	struct job *job;
	size_t length;
	int err;

	if (count < sizeof(line))
		return -EINVAL;
	/* Another reader may have been quicker. */
	while (IS_ERR(job = take(c))) {
		if (file->f_flags & O_NONBLOCK)
			return PTR_ERR(job);
		err = wait_event_interruptible(c->wait, is_there_something(c));
		if (err)
			return err;
	}
	if (!job)
		return 0;
	length = scnprintf(line, sizeof(line), "%s %s\n", job->key, name_of(job->err));
	kfree(job);
	return copy_to_user(to, line, length) ? -EFAULT : length;
}

static __poll_t client_poll(struct file *file, struct poll_table_struct *table)
{
	struct client *c = file->private_data;

	poll_wait(file, &c->wait, table);
	return is_there_something(c) ? EPOLLIN | EPOLLRDNORM | EPOLLOUT : EPOLLOUT;
}

static int client_open(struct inode *inode, struct file *file)
{
	struct client *c = kzalloc(sizeof(*c), GFP_KERNEL);
	int err;

	if (!c)
		return -ENOMEM;
	kref_init(&c->users);
	spin_lock_init(&c->lock);
	INIT_LIST_HEAD(&c->done);
	init_waitqueue_head(&c->wait);
	c->rm = make_rm();
	if (IS_ERR(c->rm)) {
		err = PTR_ERR(c->rm);
		kfree(c);
		return err;
	}
	file->private_data = c;
	return 0;
}

/*
 * With our RM what has not come to its vote is rolled back; the rest goes on without us. The module
 * stays until done() has been called for each: ktm sees to that.
 */
static int client_release(struct inode *inode, struct file *file)
{
	struct client *c = file->private_data;

	ktm_rm_put(c->rm);
	client_put(c);
	return 0;
}

static const struct file_operations client_fops = {
	.owner		= THIS_MODULE,
	.open		= client_open,
	.release	= client_release,
	.read		= client_read,
	.write		= client_write,
	.poll		= client_poll,
};

static struct miscdevice client_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "ktm_sample_client",
	.fops	= &client_fops,
};

module_misc_device(client_device);

MODULE_DESCRIPTION("An example of a driver that begins and commits transactions");
MODULE_AUTHOR("The ktm for Linux maintainers");
MODULE_LICENSE("GPL");
