/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernels that are supported, 6.1 to 6.12, in one place.
 */
#ifndef KTM_COMPAT_H
#define KTM_COMPAT_H

#include <linux/bio.h>
#include <linux/blk-cgroup.h>
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/version.h>
#include <linux/file.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define fd_file(f)	((f).file)
#endif

/* Not the cgroup's of whoever happens to submit it. */
static inline void ktm_bio_make_root(struct bio *bio)
{
#ifdef CONFIG_BLK_CGROUP
	bio_associate_blkg_from_css(bio, blkcg_root_css);
#endif
}

/* A block device that is ours alone: by a file since 6.9, by itself before. */
struct ktm_bdev_claim {
	struct block_device *bdev;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	struct file *file;
#endif
};

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)

static inline int ktm_bdev_claim(struct ktm_bdev_claim *c, dev_t dev, void *holder)
{
	c->file = bdev_file_open_by_dev(dev, BLK_OPEN_READ | BLK_OPEN_WRITE, holder, NULL);
	if (IS_ERR(c->file))
		return PTR_ERR(c->file);
	c->bdev = file_bdev(c->file);
	return 0;
}

static inline void ktm_bdev_release(struct ktm_bdev_claim *c)
{
	/*
	 * Not bdev_fput(), which leaves the close to a worker when it is called
	 * by one: who is told that a TM is gone finds its device free.
	 */
	__fput_sync(c->file);
}

#else

static inline int ktm_bdev_claim(struct ktm_bdev_claim *c, dev_t dev, void *holder)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	c->bdev = blkdev_get_by_dev(dev, BLK_OPEN_READ | BLK_OPEN_WRITE, holder, NULL);
#else
	c->bdev = blkdev_get_by_dev(dev, FMODE_READ | FMODE_WRITE | FMODE_EXCL, holder);
#endif
	return PTR_ERR_OR_ZERO(c->bdev);
}

static inline void ktm_bdev_release(struct ktm_bdev_claim *c)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	blkdev_put(c->bdev, c->bdev->bd_holder);
#else
	blkdev_put(c->bdev, FMODE_READ | FMODE_WRITE | FMODE_EXCL);
#endif
}

#endif

#endif /* KTM_COMPAT_H */
