/* SPDX-License-Identifier: GPL-2.0 */
/* A page that nobody can write to before it has come: a copy to it waits. */
#ifndef KTM_TEST_LATEPAGE_H
#define KTM_TEST_LATEPAGE_H

struct late_page {
	char *at;
	int uffd;
};

/* Skips the test where the kernel has none. */
struct late_page late_page(void);
/* Waits until somebody writes to it. */
void late_page_is_wanted(const struct late_page *p);
/* It comes, and is empty. The caller closes @uffd. */
void late_page_comes(const struct late_page *p);
/* It will not be written to either. */
void late_page_is_bad(const struct late_page *p);

#endif
