# SPDX-License-Identifier: EUPL-1.2
# Entente. `make` builds into build/bin; `make check` and `make demo` also install what is missing.

PREFIX  ?= /usr/local
CC      ?= cc
V       ?= 0
VARIANT ?= plain
O       := build/$(VARIANT)
BIN     := $(if $(filter plain,$(VARIANT)),build/bin,$(O)/bin)
PYTHON  ?= python3
Q       := $(if $(filter 1,$(V)),,@)

# --- what is built: one archive per folder, one object per source ---------------------------------
FOLDERS  := keys proto $(addprefix node/,base intel merkle noise policy provenance formats gossip \
              store intake net control metrics app cli)
PROGRAMS := entented entente
PROTOS   := $(wildcard proto/*.proto)
GEN      := $(PROTOS:proto/%.proto=$(O)/gen/%.pb.c)

sources   = $(wildcard $(1)/*.c)
objects   = $(patsubst %.c,$(O)/%.o,$(call sources,$(1))) \
              $(if $(filter proto,$(1)),$(GEN:.c=.o))
archive   = $(O)/lib/$(notdir $(1)).a
# A folder with everything it may include, directly or not, each before what it needs.
path      = $(if $(filter keys proto,$(1)),$(1),node/$(1))
may       = $(shell cat $(1)/MAY_INCLUDE)
LINK_ORDER := cli app control net intake store gossip formats provenance policy merkle noise metrics intel proto keys base
closure   = $(sort $(1) $(foreach d,$(call may,$(call path,$(1))),$(call closure,$(d))))
archives  = $(foreach d,$(LINK_ORDER),$(if $(filter $(d),$(1)),$(call archive,$(call path,$(d)))))

# --- how ------------------------------------------------------------------------------------------
PKGS      := libuv libsodium jansson libidn2 libpsl
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -llmdb -lprotobuf-nanopb

WARN := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wvla -Wundef -Wformat=2 \
        -Wstrict-prototypes -Wpointer-arith -Wwrite-strings
HARD := -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fcf-protection
HARDLD := -pie -Wl,-z,relro,-z,now
CFLAGS ?= -O2 -g
ifeq ($(VARIANT),asan)
CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
HARD   := -fPIE
HARDLD := -pie
endif
ifeq ($(VARIANT),tsan)
CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
HARD   := -fPIE
HARDLD := -pie
endif
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARN) $(if $(WERROR),-Werror) $(HARD) -pthread -I. -Inode \
             -I$(O)/gen -Itests $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(HARDLD) -pthread $(CFLAGS) $(LDFLAGS)

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all setup check check-run check-long check-asan lint fuzz demo bench install clean

all: $(PROGRAMS:%=$(BIN)/%)

setup:
	$(Q)tests/lib/setup.sh

$(O)/gen/%.pb.c: proto/%.proto proto/%.options
	@mkdir -p $(@D)
	@echo "  GEN   $@"
	$(Q)cd proto && nanopb_generator.py -q -I . --error-on-unmatched -D ../$(O)/gen $*.proto
$(O)/gen/%.pb.o: $(O)/gen/%.pb.c
	@echo "  CC    $@"
	$(Q)$(CC) $(ALL_CFLAGS) -w -MMD -MP -c -o $@ $<
$(O)/%.o: %.c | $(GEN)
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

define archive_rule
$(call archive,$(1)): $(call objects,$(1))
	@mkdir -p $$(@D)
	$(Q)rm -f $$@ && $(AR) rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call archive_rule,$(f))))

$(BIN)/entented: $(O)/node/entented.o $(call archives,$(call closure,app))
$(BIN)/entente: $(O)/node/entente.o $(call archives,$(call closure,cli))
$(BIN)/%:
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

# --- tests: tests/unit/<folder>/test_<file>.c links only what <folder> may include ------------------
UNIT_SOURCES := $(wildcard tests/unit/*/test_*.c)
UNIT_TESTS   := $(UNIT_SOURCES:%.c=$(O)/%)
TEST_LIB     := $(O)/tests/lib/testlib.a
TEST_LIB_OBJ := $(patsubst %.c,$(O)/%.o,$(wildcard tests/lib/*.c))
$(TEST_LIB): $(TEST_LIB_OBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
define unit_rule
$(O)/tests/unit/$(1)/%: $(O)/tests/unit/$(1)/%.o $(TEST_LIB) $(call archives,$(call closure,$(1)))
	@echo "  LD    $$@"
	$(Q)$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ -lcmocka $(PKG_LIBS)
endef
$(foreach d,$(sort $(notdir $(patsubst %/,%,$(dir $(UNIT_SOURCES))))),$(eval $(call unit_rule,$(d))))
unit: $(UNIT_TESTS)

clean:
	rm -rf build

-include $(shell find build/$(VARIANT) -name '*.d' 2>/dev/null)
.SECONDARY:
