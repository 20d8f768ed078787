// SPDX-License-Identifier: GPL-2.0
/*
 * crc32c() of user space against published values and against its definition.
 */
#include <stdio.h>
#include <string.h>

#include "crc32c.h"
#include "rng.h"

static uint32_t by_bits(uint32_t crc, const uint8_t *p, size_t len)
{
	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
	}
	return crc;
}

static int failed;

static void check(int n, bool good, const char *what)
{
	failed |= !good;
	printf("%sok %d - %s\n", good ? "" : "not ", n, what);
}

int main(void)
{
	struct rng r = { 1 };
	uint8_t buf[256];
	bool same = true;

	printf("TAP version 13\n1..5\n");
	check(1, ~crc32c(~0u, "123456789", 9) == 0xe3069283u, "check value of CRC-32C");
	memset(buf, 0, 32);
	check(2, ~crc32c(~0u, buf, 32) == 0x8a9136aau, "32 bytes of zero (RFC 3720, B.4)");
	memset(buf, 0xff, 32);
	check(3, ~crc32c(~0u, buf, 32) == 0x62a8ab43u, "32 bytes of ones (RFC 3720, B.4)");
	for (int i = 0; i < 32; i++)
		buf[i] = i;
	check(4, ~crc32c(~0u, buf, 32) == 0x46dd794eu, "32 increasing bytes (RFC 3720, B.4)");
	for (int i = 0; i < 2000; i++) {
		uint32_t from = rng_below(&r, 64), len = rng_below(&r, 192), start = rng_next(&r);

		for (size_t k = 0; k < sizeof(buf); k++)
			buf[k] = rng_next(&r);
		same &= crc32c(start, buf + from, len) == by_bits(start, buf + from, len);
	}
	check(5, same, "any start, length and alignment");
	return failed;
}
