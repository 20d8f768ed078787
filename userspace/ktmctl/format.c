// SPDX-License-Identifier: GPL-2.0
/*
 * ktmctl journal format: a new journal. The format itself is kernel/core's, which is
 * what the module reads; here are only the questions and the writing.
 */
#define _GNU_SOURCE
#include "ktmctl.h"

#include "journal_format.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>
#include <uuid/uuid.h>

struct format_options {
	bool force;
	uint64_t size;
	uuid_t tm_guid;
	const char *path;
};

static int parse_options(int argc, char **argv, struct format_options *options)
{
	static const struct option known[] = {
		{ "force", no_argument, NULL, 'f' },
		{ "size", required_argument, NULL, 's' },
		{ "tm-guid", required_argument, NULL, 'g' },
		{ 0 },
	};
	int option;

	memset(options, 0, sizeof(*options));
	uuid_generate(options->tm_guid);
	while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		switch (option) {
		case 'f':
			options->force = true;
			break;
		case 's':
			options->size = parse_size(optarg);
			if (!options->size)
				return complain_usage("'%s' is no size (64M, 1G)", optarg);
			break;
		case 'g':
			if (uuid_parse(optarg, options->tm_guid) || uuid_is_null(options->tm_guid))
				return complain_usage("'%s' is no GUID", optarg);
			break;
		default:
			return complain_option(option, "journal format", argv);
		}
	}
	if (argc - optind != 1)
		return complain_usage("journal format: which device?");
	options->path = argv[optind];
	return DONE;
}

/* ---- what is there ---- */

static bool has_magic(const struct device *device, uint64_t place)
{
	char magic[8];

	return pread(device->fd, magic, sizeof(magic), (off_t)place) == sizeof(magic) &&
	       !memcmp(magic, KTM_JF_SB_MAGIC, sizeof(magic));
}

/* A journal that can be read, in words to be freed; or NULL. */
static char *describe_journal(const struct device *device)
{
	char block[KTM_JF_SB_BYTES], guid[UUID_STR_LEN], date[32];
	struct ktm_jf_fault fault;
	struct ktm_jf_sb sb;
	struct tm made;
	time_t created;
	char *text;

	if (pread(device->fd, block, sizeof(block), 0) != sizeof(block) ||
	    ktm_jf_sb_decode(block, device->bytes, 0, &sb, &fault))
		return NULL;
	uuid_unparse_lower(sb.tm_guid.b, guid);
	created = (time_t)sb.created;
	if (!gmtime_r(&created, &made) || !strftime(date, sizeof(date), "%F %R UTC", &made))
		strcpy(date, "an unknown date");
	if (asprintf(&text, "a ktm journal, transaction manager %s, made %s", guid, date) < 0)
		return NULL;
	return text;
}

/* Nothing is there that somebody else has written. */
static bool first_is_lost(const struct device *device)
{
	static const char zeros[KTM_JF_SB_BYTES];
	char block[KTM_JF_SB_BYTES];

	return pread(device->fd, block, sizeof(block), 0) != sizeof(block) ||
	       !memcmp(block, zeros, sizeof(block));
}

/* Of a journal that has grown the second copy is not at the device's end. */
static bool has_signpost(const struct device *device, uint64_t unit)
{
	char block[KTM_JF_SB_BYTES];
	uint64_t second;

	if (pread(device->fd, block, sizeof(block), (off_t)unit) != sizeof(block))
		return false;
	second = ktm_jf_signpost(block, device->bytes, unit);
	return second && has_magic(device, second);
}

static char *find_journal(const struct device *device)
{
	char *text = describe_journal(device);
	uint64_t unit;
	bool found;

	if (text)
		return text;
	found = has_magic(device, 0);
	for (unit = KTM_JF_UNIT_MIN; unit <= KTM_JF_UNIT_MAX && unit < device->bytes; unit *= 2)
		found = found || has_magic(device, device->bytes - unit) ||
			(first_is_lost(device) && has_signpost(device, unit));
	return found ? strdup("a damaged ktm journal, or one of another version") : NULL;
}

/* Is it free to be formatted? If not, says what is there. */
static int check_contents(const struct device *device, bool force)
{
	char *found = find_journal(device);

	if (!found && !probe_contents(device, &found))
		return FAILED;
	if (!found)
		return DONE;
	if (force) {
		printf("%s held %s\n", device->path, found);
		free(found);
		return probe_wipe(device);
	}
	complain("%s holds %s; nothing was changed (--force overwrites it)", device->path, found);
	free(found);
	return FAILED;
}

/* ---- writing ---- */

static int write_at(const struct device *device, uint64_t place, const void *bytes, size_t length)
{
	ssize_t written = pwrite(device->fd, bytes, length, (off_t)place);

	if (written >= 0 && (size_t)written != length)
		errno = EIO;
	if ((size_t)written != length || fsync(device->fd))
		return complain("%s: cannot write at byte %" PRIu64 ": %s", device->path, place,
				strerror(errno));
	return DONE;
}

/*
 * First both places are emptied, so that a crash between the two copies never
 * leaves one of the old journal beside one of the new.
 */
static int write_journal(const struct device *device, const struct ktm_jf_sb *sb)
{
	const uint64_t second = ktm_jf_sb2_place(sb);
	/* Whole units: an old signpost may lie in a large one, behind the superblock. */
	static char block[KTM_JF_UNIT_MAX];

	if (write_at(device, 0, block, sb->unit) || write_at(device, second, block, sb->unit))
		return FAILED;
	ktm_jf_sb_encode(sb, block);
	if (write_at(device, ktm_jf_signpost_place(sb), block, sb->unit) ||
	    write_at(device, 0, block, sb->unit) || write_at(device, second, block, sb->unit))
		return FAILED;
	return DONE;
}

/* A file that was just made must still have its name after a power cut. */
static int sync_directory(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int ret = DONE;

	if (fd < 0 || fsync(fd))
		ret = complain("%s: cannot sync its directory: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(copy);
	return ret;
}

static void draw_identity(struct ktm_jf_params *params, const struct format_options *options)
{
	uuid_t uuid;

	uuid_generate(uuid);
	memcpy(params->uuid.b, uuid, sizeof(uuid));
	memcpy(params->tm_guid.b, options->tm_guid, sizeof(options->tm_guid));
	/* An epoch that nobody can guess: see the format's document. Zero is none. */
	while (getrandom(&params->epoch, sizeof(params->epoch), 0) != sizeof(params->epoch) ||
	       !params->epoch)
		;
	params->created = (u64)time(NULL);
}

/* ---- the command ---- */

static void print_size(const char *what, uint64_t bytes)
{
	if (bytes >= 10u << 20)
		printf("%s %" PRIu64 " MiB", what, bytes >> 20);
	else
		printf("%s %" PRIu64 " KiB", what, bytes >> 10);
}

static void report(const struct device *device, const struct ktm_jf_sb *sb)
{
	const u64 live = ktm_jf_live_capacity(sb);
	char guid[UUID_STR_LEN];

	uuid_unparse_lower(sb->tm_guid.b, guid);
	printf("%s is the journal of transaction manager %s\n", device->path, guid);
	print_size("size", sb->dev_bytes);
	print_size(", ring", sb->ring_bytes);
	printf(", write unit %u bytes\n", sb->unit);
	printf("room for %" PRIu64 " open transactions with %u durable participants of %u bytes each, "
	       "%" PRIu64 " at the largest (%u bytes)\n",
	       live / ktm_jf_live_tx_bytes(USUAL_ENLISTMENTS, USUAL_INFORMATION),
	       USUAL_ENLISTMENTS, USUAL_INFORMATION,
	       live / ktm_jf_live_tx_bytes(USUAL_ENLISTMENTS, KTM_JF_INFO_MAX), KTM_JF_INFO_MAX);
}

static int format(const struct device *device, const struct format_options *options)
{
	struct ktm_jf_params params = {
		.dev_bytes = device->bytes,
		.logical = device->logical,
		.physical = device->physical,
	};
	struct ktm_jf_fault fault;
	struct ktm_jf_sb sb;

	if (options->size > device->bytes)
		return complain("%s has only %" PRIu64 " bytes", device->path, device->bytes);
	if (options->size)
		params.dev_bytes = options->size;
	/* Who leaves a part of it out wants that part for himself. */
	params.fixed = params.dev_bytes < device->bytes;
	draw_identity(&params, options);
	if (ktm_jf_format(&params, &sb, &fault))
		return complain("%s: %s (at least %" PRIu64 " KiB are needed)", device->path,
				fault.msg, ktm_jf_min_bytes(ktm_jf_unit(device->logical,
									device->physical)) / 1024);
	if (check_contents(device, options->force) || write_journal(device, &sb))
		return FAILED;
	if (device->is_file && sync_directory(device->path))
		return FAILED;
	report(device, &sb);
	return DONE;
}

int journal_format(int argc, char **argv)
{
	struct format_options options;
	struct device device;
	int ret;

	ret = parse_options(argc, argv, &options);
	if (ret)
		return ret;
	if (device_claim(&device, options.path, options.size))
		return FAILED;
	return device_release(&device, format(&device, &options));
}
