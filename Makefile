# SPDX-License-Identifier: GPL-2.0
#
# make			the module for the supported kernels, library and tools
# make install		the same into DESTDIR (PREFIX=/usr/local)
# make check		set-up, then all tests on the stock kernels
# make check-debug	the tests of the module on a kernel that watches itself
# make demo		set-up, then the demonstration in a virtual machine
# make bench		set-up, then the measurements in a virtual machine
#
# KERNELS	6.1 and 6.12, stock Debian kernels that are fetched, 6.1-debug, which
#		is built, or "running" for the kernel that runs here (its headers must
#		be installed)
# BUILD		where everything that is built goes
# WERROR=	build the module even if the compiler or sparse warns

KERNELS ?= 6.1 6.12
BUILD ?= $(CURDIR)/build
WERROR ?= 1
PREFIX ?= /usr/local
DEBUG_KERNEL := 6.1-debug
# In a bare environment make finds no program.
ifndef PATH
export PATH := /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
endif
# Neither make's lists of files nor the kernel's build can handle such names.
ifneq ($(words x$(CURDIR)x x$(BUILD)x)$(findstring :,$(CURDIR)$(BUILD)),2)
$(error the names of the tree and of BUILD must not contain blanks or colons: $(CURDIR), $(BUILD))
endif
override BUILD := $(abspath $(BUILD))
export BUILD PREFIX DESTDIR

# Directories with a Makefile of their own; the library is needed by the others.
user_dirs := $(patsubst %/Makefile,%,$(wildcard userspace/*/Makefile))
test_dirs := $(patsubst %/Makefile,%,$(wildcard selftests/*/Makefile))

.PHONY: all
all: modules userspace

# What a fresh machine lacks, and the kernels to build for and to boot.
.PHONY: setup kernels
setup:
	@scripts/setup.sh
kernels:
	@scripts/kernels.sh $(filter-out running,$(KERNELS)) >/dev/null

.PHONY: modules
modules: $(addprefix module-,$(KERNELS))

.PHONY: $(addprefix module-,$(KERNELS))
$(addprefix module-,$(KERNELS)): module-%:
	+@WERROR=$(WERROR) scripts/build-module.sh $* $(BUILD)/$*

# Modules that use it: for the tests, and to learn from.
test_modules := selftests/ktm_test samples
.PHONY: $(addprefix test-modules-,$(KERNELS))
$(addprefix test-modules-,$(KERNELS)): test-modules-%: module-%
	+@for dir in $(test_modules); do \
		WERROR=$(WERROR) scripts/build-module.sh $* $(BUILD)/$* $$dir || exit 1; \
	done

.PHONY: userspace tests
userspace: $(addprefix all-,$(user_dirs))
tests: userspace $(addprefix all-,$(test_dirs)) $(addprefix test-modules-,$(KERNELS))

# One rule per directory, so that make -j keeps its order and its job server.
.PHONY: $(addprefix all-,$(user_dirs) $(test_dirs))
$(addprefix all-,$(user_dirs) $(test_dirs)): all-%:
	+@$(MAKE) --no-print-directory -C $* all
$(addprefix all-,$(filter-out userspace/libktm,$(user_dirs))): \
	$(addprefix all-,$(filter userspace/libktm,$(user_dirs)))
$(addprefix all-,$(test_dirs)): $(addprefix all-,$(user_dirs))
# It is linked with the steps of the machine's tests.
all-selftests/fuzz: all-selftests/ktm

.PHONY: check check-debug check-core demo bench
check: setup
	+@selftests/run

check-debug: setup
	@scripts/kernels.sh $(DEBUG_KERNEL) >/dev/null
	+@KERNELS=$(DEBUG_KERNEL) selftests/run host/vm host/ktm vm

check-core: $(addprefix all-,$(filter selftests/core,$(test_dirs)))
	+@selftests/run core

demo: setup
	+@selftests/demo/run

bench: setup
	+@selftests/bench/run

.PHONY: install
install: all
	@for kernel in $(KERNELS); do \
		scripts/install-module.sh $$kernel $(BUILD)/$$kernel || exit 1; \
	done
	install -d $(DESTDIR)$(PREFIX)/include/linux
	install -m 644 uapi/linux/ktm.h $(DESTDIR)$(PREFIX)/include/linux/ktm.h
	install -d $(addprefix $(DESTDIR)$(PREFIX)/src/ktm/include/,linux uapi/linux)
	install -m 644 kernel/include/linux/ktm.h $(DESTDIR)$(PREFIX)/src/ktm/include/linux/ktm.h
	install -m 644 uapi/linux/ktm.h $(DESTDIR)$(PREFIX)/src/ktm/include/uapi/linux/ktm.h
	+@for dir in $(user_dirs); do \
		$(MAKE) --no-print-directory -C $$dir install || exit 1; \
	done

.PHONY: clean
clean:
	+@for dir in $(user_dirs) $(test_dirs); do \
		$(MAKE) --no-print-directory -C $$dir clean || exit 1; \
	done
	rm -rf $(BUILD)
