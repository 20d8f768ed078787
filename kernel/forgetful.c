// SPDX-License-Identifier: GPL-2.0
/*
 * Modules that go without having put what they hold are named: their uses stay, and keep ktm.ko,
 * which then does not go either.
 *
 * Whose a use is, is told by the address that asked for it: as long as the module is there, and
 * for what its init function has asked for, which is in memory that goes before the module does,
 * when that function has returned.
 */
#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "callback.h"
#include "object.h"
#include "transaction.h"

/*
 * @handle: of a driver
 * @caller: where it asked for it
 * @owner: the module whose init function did; only compared
 */
struct held {
	struct hlist_node node;
	const struct ktm_handle *handle;
	unsigned long caller;
	const struct module *owner;
};

/* @held_lock: @all_held, by handle. Nothing is taken inside it. */
static DEFINE_SPINLOCK(held_lock);
static DEFINE_HASHTABLE(all_held, 8);

/**
 * ktm_held_begin - a driver has got a use
 * @handle: the use
 * @caller: the address that asked for it
 *
 * May sleep.
 *
 * Return: SUCCESS or INSUFFICIENT_RESOURCES.
 */
u32 ktm_held_begin(const struct ktm_handle *handle, unsigned long caller)
{
	struct held *held = kzalloc(sizeof(*held), GFP_KERNEL_ACCOUNT);

	if (!held)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	held->handle = handle;
	held->caller = caller;
	spin_lock(&held_lock);
	hash_add(all_held, &held->node, (unsigned long)handle);
	spin_unlock(&held_lock);
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_held_end - it puts it
 * @handle: the use
 *
 * Return: false: nobody has got it. It may be the one that is lent to a callback.
 */
bool ktm_held_end(const struct ktm_handle *handle)
{
	struct held *held, *found = NULL;

	spin_lock(&held_lock);
	hash_for_each_possible(all_held, held, node, (unsigned long)handle) {
		if (held->handle != handle)
			continue;
		hash_del(&held->node);
		found = held;
		break;
	}
	spin_unlock(&held_lock);
	kfree(found);
	return found;
}

/* Its init function has returned: where that was will not be in the module any more. */
static void module_lives(const struct module *module)
{
	struct held *held;
	int i;

	spin_lock(&held_lock);
	hash_for_each(all_held, i, held, node)
		if (within_module_init(held->caller, module))
			held->owner = module;
	spin_unlock(&held_lock);
}

static void module_has_gone(const struct module *module)
{
	struct held *held;
	int i;

	spin_lock(&held_lock);
	hash_for_each(all_held, i, held, node) {
		const struct ktm_object *obj = held->handle->obj;

		if (held->owner != module && !within_module(held->caller, module))
			continue;
		/* Another one may come to be where it was. */
		held->owner = NULL;
		held->caller = 0;
		pr_warn("ktm: module %s goes and has not put a use of %s %pUb\n",
			module->name, obj->ops->name, obj->guid.b);
	}
	spin_unlock(&held_lock);
}

/* GOING: its exit function has returned, and its memory is about to go. */
static int module_event(struct notifier_block *nb, unsigned long event, void *data)
{
	if (event == MODULE_STATE_LIVE) {
		module_lives(data);
	} else if (event == MODULE_STATE_GOING) {
		ktm_async_module_gone(data);
		ktm_callbacks_module_gone(data);
		module_has_gone(data);
	}
	return NOTIFY_OK;
}

static struct notifier_block module_notifier = {
	.notifier_call = module_event,
};

/* Once, when the module is loaded. */
int ktm_forgetful_init(void)
{
	return register_module_notifier(&module_notifier);
}

/* Nobody holds anything any more. */
void ktm_forgetful_exit(void)
{
	unregister_module_notifier(&module_notifier);
}
