// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/param.h>

#include "calls.h"
#include "nomem.h"

/* By tests so far: other processes than this one. */
#define TRIED	"/tmp/nomem-tried"
#define MOST	256
#define NAME	64

static char names[MOST][NAME];
static unsigned int nr;

static int find(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

static void read_tried(void)
{
	FILE *file = fopen(TRIED, "r");
	char name[NAME];

	nr = 0;
	while (file && fscanf(file, "%63s", name) == 1) {
		if (find(name) >= 0)
			continue;
		CHECK(nr < MOST);
		strcpy(names[nr++], name);
	}
	if (file)
		fclose(file);
}

void nomem_tried(const char *name)
{
	FILE *file = fopen(TRIED, "a");

	CHECK(file);
	fprintf(file, "%s\n", name);
	CHECK(!fclose(file));
}

/* The name of an exported function in a line of /proc/kallsyms, or NULL. */
static char *exported(char *line)
{
	char *symbol = strstr(line, " __ksymtab_"), *module = strchr(line, '\t');

	if (!symbol || !module || strcmp(module, "\t[ktm]\n"))
		return NULL;
	*module = 0;
	symbol += strlen(" __ksymtab_");
	/* Which a macro calls, that drivers know without. */
	return strncmp(symbol, "__", 2) ? symbol : symbol + 2;
}

void nomem_all_exported(const char *prefix, bool others)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	const size_t length = strlen(prefix);
	unsigned int i, found = 0;
	char line[512], *name;

	CHECK(file);
	read_tried();
	while (fgets(line, sizeof(line), file)) {
		name = exported(line);
		if (!name || !strncmp(name, prefix, length) == others)
			continue;
		if (find(name) < 0)
			FAIL("of %s, nobody has tried what happens without memory", name);
		found++;
	}
	fclose(file);
	CHECK(found);
	for (i = 0; i < nr; i++)
		if (!strncmp(names[i], "ktm_", 4) && !strncmp(names[i], prefix, length) != others)
			found--;
	/* Who is tried and not exported was called by another name. */
	CHECK_EQ(found, 0);
}

/* It tells a status, on a descriptor of another kind, and of a size that is none of any. */
static bool is_known(unsigned int request)
{
	struct { unsigned int size, status; } head = { sizeof(head), ~0u };

	CHECK_EQ(ioctl(dev(), request, &head), -1);
	return head.status != ~0u;
}

void nomem_all_requests(void)
{
	unsigned int i, found = 0;

	read_tried();
	for (i = 0; i < 256; i++) {
		const char *name = request_name(KTM_IOC(i));

		if (!is_known(KTM_IOC(i)))
			continue;
		if (find(name) < 0)
			FAIL("of %s (0x%x), nobody has tried what happens without memory", name, i);
		found++;
	}
	CHECK(found);
	for (i = 0; i < nr; i++)
		found -= !strncmp(names[i], "KTM_IOC_", 8);
	CHECK_EQ(found, 0);
}

static int lowest_fd(void)
{
	int fd = dup(0);

	CHECK(fd >= 0);
	close(fd);
	return fd;
}

static int module_uses(void)
{
	char text[16] = "";
	int fd = open("/sys/module/ktm/refcnt", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return atoi(text);
}

struct nomem_traces nomem_look(const struct nomem_traces *before)
{
	struct nomem_traces t = { .fd = lowest_fd() };

	t.tms = count_objects(dev(), KTM_KIND_TM);
	t.txs = count_objects(dev(), KTM_KIND_TX);
	t.uses = module_uses();
	if (before) {
		t.tms = MAX(t.tms, before->tms);
		t.txs = MAX(t.txs, before->txs);
		t.uses = MAX(t.uses, before->uses);
	}
	return t;
}
