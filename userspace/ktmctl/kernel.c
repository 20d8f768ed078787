// SPDX-License-Identifier: GPL-2.0
/* The module's device, and what to tell when a call fails. */
#include "ktmctl.h"

#include <errno.h>
#include <string.h>

int open_ktm(void)
{
	int ktm = ktm_open_device();

	if (ktm == -ENOENT || ktm == -ENXIO || ktm == -ENODEV)
		complain("%s is not there: load the module (modprobe ktm)", KTM_DEVICE);
	else if (ktm == -EACCES)
		complain("%s: permission denied (be root, or of the group ktm)", KTM_DEVICE);
	else if (ktm < 0)
		complain("%s: %s", KTM_DEVICE, strerror(-ktm));
	return ktm;
}

int complain_status(const char *what, int error, uint32_t status)
{
	return complain("%s: %s (%s)", what, ktm_status_text(status), strerror(-error));
}
