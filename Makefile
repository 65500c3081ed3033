# SPDX-License-Identifier: EUPL-1.2
# Entente. `make` builds into build/bin; `make check` and `make demo` also install what is missing.
# VARIANT= keeps objects of different flags apart (plain, asan, tsan, fuzz, or any name of yours).

PREFIX  ?= /usr/local
CC      ?= cc
V       ?= 0
VARIANT ?= plain
O       := build/$(VARIANT)
BIN     := $(if $(filter plain,$(VARIANT)),build/bin,$(O)/bin)
PYTHON  ?= python3
Q       := $(if $(filter 1,$(V)),,@)
JOBS    ?= $(shell nproc 2>/dev/null || echo 2)
SUBMAKE  = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))

# --- what is built: one archive per folder, one object per source ---------------------------------
# Folders, each behind everything that it may include.
LAYERS   := base proto keys merkle intel noise policy provenance verify audit formats gossip \
              store intake ledger net control app cli
PROGRAMS := $(patsubst node/%.c,%,$(wildcard node/*.c))
PROTOS   := $(wildcard proto/*.proto)
GEN      := $(PROTOS:proto/%.proto=$(O)/gen/%.pb.c)

path      = $(if $(filter keys proto,$(1)),$(1),node/$(1))
archive   = $(O)/lib/$(1).a
objects   = $(patsubst %.c,$(O)/%.o,$(wildcard $(call path,$(1))/*.c)) \
              $(if $(filter proto,$(1)),$(GEN:.c=.o))
# closure_x: x with everything it may include, directly or not; archives: these, users first.
$(foreach f,$(LAYERS),$(eval closure_$(f) := $(sort $(f) \
              $(foreach d,$(file <$(call path,$(f))/MAY_INCLUDE),$(closure_$(d))))))
reverse   = $(if $(1),$(call reverse,$(wordlist 2,99,$(1))) $(firstword $(1)))
LINKING  := $(call reverse,$(LAYERS))
archives  = $(foreach f,$(filter $(closure_$(strip $(1))),$(LINKING)),$(call archive,$(f)))

# --- how ------------------------------------------------------------------------------------------
PKGS       := libuv libsodium jansson libidn2 libpsl
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -llmdb -lprotobuf-nanopb

WARN := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wvla -Wundef -Wformat=2 \
        -Wstrict-prototypes -Wpointer-arith -Wwrite-strings
HARD := -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fcf-protection
HARDLD := -pie -Wl,-z,relro,-z,now
CFLAGS ?= -O2 -g
SAN_asan := -fsanitize=address,undefined -fno-sanitize-recover=all
SAN_tsan := -fsanitize=thread
# Of an empty view data may be NULL, and NULL + 0 is NULL: only that pointer-overflow ever finds.
SAN_fuzz := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
            -fno-sanitize=pointer-overflow
ifneq ($(SAN_$(VARIANT)),)
CFLAGS := -O1 -g -fno-omit-frame-pointer $(SAN_$(VARIANT))
HARD   := -fPIE
HARDLD := -pie
endif
# For seeds by the thousand.
ifeq ($(VARIANT),quick)
CFLAGS := -O3 -g -flto=auto
HARD   :=
HARDLD :=
AR     := gcc-ar
endif
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARN) $(if $(WERROR),-Werror) $(HARD) -pthread -I. -Inode \
             -I$(O)/gen -Itests $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(HARDLD) -Wl,--as-needed -pthread $(CFLAGS) $(LDFLAGS)
link = @mkdir -p $(@D); echo "  LD    $@"; $(if $(Q),,set -x;) \
             $(CC) $(ALL_LDFLAGS) -o $@ $^ $(1) $(PKG_LIBS)

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.PHONY: all unit sim sim-mutants sim-scale setup check check-run check-long check-asan lint fuzz \
        fuzz-run demo bench bench-run bench-peers bench-long bench-where bench-record \
        bench-europe install clean

all: $(PROGRAMS:%=$(BIN)/%)

$(O)/gen/%.pb.c: proto/%.proto proto/%.options proto/wire.proto
	@mkdir -p $(@D)
	@echo "  GEN   $@"
	$(Q)cd proto && nanopb_generator.py -q -I . --error-on-unmatched -D ../$(O)/gen $*.proto
$(O)/gen/%.pb.o: $(O)/gen/%.pb.c | $(GEN)
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
$(foreach f,$(LAYERS),$(eval $(call archive_rule,$(f))))

$(BIN)/entented: $(O)/node/entented.o $(call archives,app)
	$(call link)
# The auditor links nothing that opens a socket or a store.
$(BIN)/entente-audit: PKG_LIBS := $(filter-out -luv -llmdb,$(PKG_LIBS))
$(BIN)/entente-audit: $(O)/node/entente-audit.o $(call archives,audit)
	$(call link)
$(BIN)/entente: $(O)/node/entente.o $(call archives,cli)
	$(call link)

# --- tests: each links only what the folder it is about may include -------------------------------
TEST_LIB     := $(O)/tests/lib/testlib.a
UNIT_SOURCES := $(wildcard tests/unit/*/test_*.c)
UNIT_TESTS   := $(UNIT_SOURCES:%.c=$(O)/%)
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_TARGETS := $(FUZZ_SOURCES:%.c=$(O)/%)
BENCH_SOURCES := $(wildcard tests/bench/bench_*.c)
FLOOR        := $(O)/tests/bench/floor/floor
BENCHES      := $(BENCH_SOURCES:%.c=$(O)/%) $(FLOOR)
INTEGRATION  ?= $(wildcard tests/integration/test_*.py)
# Those that wait for their daemons first: at the end many short ones fill all cores.
TESTS         = tests/sim/test_mix.py $(INTEGRATION) $(UNIT_TESTS) $(FUZZ_TARGETS)

$(TEST_LIB): $(patsubst %.c,$(O)/%.o,$(wildcard tests/lib/*.c))
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# The exchange is tested in simulated worlds: with the node's own ledger and store, on disks that
# stand in for LMDB, with signatures and long bodies that are checked once (memo.h), and with
# secrets in ordinary memory (secrets.c).
SIM_LIB := $(O)/tests/sim/sim.a
SIM     := $(O)/tests/sim/main
SCALE   := $(O)/tests/sim/scale
SIM_MAINS := tests/sim/main.c tests/sim/memory.c tests/sim/scale.c
$(SIM_LIB): $(patsubst %.c,$(O)/%.o,$(filter-out $(SIM_MAINS),$(wildcard tests/sim/*.c)))
	$(Q)rm -f $@ && $(AR) rcs $@ $^
sim_wraps := crypto_sign_detached crypto_sign_verify_detached crypto_scalarmult \
              sodium_malloc sodium_free card_chain_parse card_chain_read hash_commitments
SIM_LINK  := $(foreach f,$(sim_wraps),-Wl,--wrap=$(f) -Wl,-u,__wrap_$(f))
simulated  = $(filter gossip,$(1))
# What a test of the folder links, and how.
parts_of   = $(if $(call simulated,$(1)),$(SIM_LIB)) $(TEST_LIB) \
              $(call archives,$(if $(call simulated,$(1)),ledger,$(1)))
link_of    = $(if $(call simulated,$(1)),$(SIM_LINK))

$(SIM) $(SCALE) $(O)/tests/unit/gossip/%: PKG_LIBS := $(filter-out -llmdb,$(PKG_LIBS))
# Of what is optimised as one whole nothing can be wrapped.
$(O)/keys/card.o $(O)/node/merkle/hash.o $(O)/tests/sim/memory.o: ALL_CFLAGS += -fno-lto
$(O)/tests/sim/memory.o: ALL_CFLAGS += -fno-builtin
# Sanitisers have a malloc of their own.
$(SIM): $(if $(SAN_$(VARIANT)),,$(O)/tests/sim/memory.o)
$(SIM) $(SCALE): $(O)/tests/sim/%: $(O)/tests/sim/%.o $(SIM_LIB) $(call archives,ledger)
	$(call link,$(SIM_LINK))

unit_folder = $(notdir $(patsubst %/,%,$(dir $(1))))
define unit_rule
$(O)/tests/unit/$(1)/%: $(O)/tests/unit/$(1)/%.o $(call parts_of,$(1))
	$$(call link,-lcmocka $$(call link_of,$(1)))
endef
UNIT_FOLDERS := $(sort $(foreach s,$(UNIT_SOURCES),$(call unit_folder,$(s))))
$(foreach d,$(UNIT_FOLDERS),$(eval $(call unit_rule,$(d))))

# Fuzz targets and benchmarks name the folder that they link in a comment: /* LINKS: folder */
links_of = $(shell sed -n 's|^/\* LINKS: \([a-z]*\) \*/$$|\1|p' $(1))
FUZZ_MAIN := $(if $(filter fuzz,$(VARIANT)),,$(O)/tests/fuzz/main.o)
define fuzz_rule
$(O)/$(1:.c=): $(O)/$(1:.c=.o) $(FUZZ_MAIN) \
              $(filter-out $(TEST_LIB),$(call parts_of,$(call links_of,$(1))))
	$$(call link,$(if $(FUZZ_MAIN),,-fsanitize=fuzzer) $$(call link_of,$(call links_of,$(1))))
endef
$(foreach s,$(FUZZ_SOURCES),$(eval $(call fuzz_rule,$(s))))
define bench_rule
$(O)/$(1:.c=): $(O)/$(1:.c=.o) $(call archives,$(call links_of,$(1)))
	$$(call link)
endef
$(foreach s,$(BENCH_SOURCES),$(eval $(call bench_rule,$(s))))

# The floor program has a record of its own, which nanopb decodes at its plainest.
FLOOR_GEN := $(O)/gen/floor.pb.c
$(FLOOR_GEN): tests/bench/floor/floor.proto tests/bench/floor/floor.options
	@mkdir -p $(@D)
	@echo "  GEN   $@"
	$(Q)cd $(<D) && nanopb_generator.py -q -I . --error-on-unmatched \
		-D $(CURDIR)/$(O)/gen $(<F)
FLOOR_OBJECTS := $(patsubst %.c,$(O)/%.o,$(wildcard tests/bench/floor/*.c))
$(FLOOR_OBJECTS): ALL_CFLAGS += -Itests/bench
$(FLOOR_OBJECTS): | $(FLOOR_GEN)
$(FLOOR): $(FLOOR_OBJECTS) $(FLOOR_GEN:.c=.o) $(call archives,app)
	$(call link)

unit: $(UNIT_TESTS)

# make sim SEEDS=1000; one seed again, told: make sim SEEDS=1 SEED=17 NARRATE=1; another than the
# standard mix (tests/sim/mix.h): MIX=small
SEEDS ?= 100
SEED  ?= 1
MIX   ?= standard
SIM_QUICK = $(SIM:build/plain/%=build/quick/%)
sim: setup
	$(Q)$(SUBMAKE) $(if $(filter plain,$(VARIANT)),VARIANT=quick) $(SIM_QUICK)
	$(Q)$(if $(NARRATE)$(filter 1,$(V)),NARRATE=1) $(SIM_QUICK) $(SEEDS) $(SEED) $(MIX)

# Deliberate bugs, each of which the seeds must find; some minutes.
sim-mutants: setup
	$(Q)tests/sim/mutants/run.sh

# Federations of 43 and of 10,000 simulated nodes; writes docs/scale.svg. Minutes.
sim-scale: setup
	$(Q)$(SUBMAKE) $(SCALE)
	$(Q)$(SCALE) docs/scale.svg $(NODES) $(RECORDS)

setup:
	$(Q)tests/lib/setup.sh

check: setup
	$(Q)$(SUBMAKE) check-run WERROR=1
check-run: all $(UNIT_TESTS) $(FUZZ_TARGETS) $(BENCHES) $(SIM)
	$(Q)ENTENTE_BIN=$(BIN) SIM=$(SIM) $(PYTHON) tests/lib/run.py $(TESTS)
check-long: setup
	$(Q)ENTENTE_LONG=1 TEST_TIMEOUT=3600 $(SUBMAKE) check-run WERROR=1
check-asan: setup
	$(Q)$(SUBMAKE) check-run VARIANT=asan

lint:
	$(Q)tests/lib/setup.sh lint
	$(Q)$(PYTHON) tests/lib/lint.py --layers "$(LAYERS)" \
		--flags "$(filter-out -I$(O)/gen,$(ALL_CFLAGS)) -Ibuild/clang/gen" $(LINT_ARGS)

FUZZ_SECONDS ?= 60
fuzz:
	$(Q)tests/lib/setup.sh lint
	$(Q)$(SUBMAKE) VARIANT=fuzz CC=clang fuzz-run
fuzz-run: $(FUZZ_TARGETS)
	$(Q)set -e; for t in $(FUZZ_TARGETS); do \
		name=$${t##*/fuzz_}; echo "  FUZZ  $$name"; \
		mkdir -p $(O)/corpus/$$name tests/fuzz/corpus/$$name; \
		$$t -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -print_final_stats=1 \
			-artifact_prefix=$(O)/ $(O)/corpus/$$name tests/fuzz/corpus/$$name; \
	done

demo: setup
	$(Q)$(SUBMAKE) all
	$(Q)ENTENTE_BIN=$(BIN) KEEP=$(KEEP) $(PYTHON) tests/integration/demo.py

# Every row of the table of targets, in at most a quarter of an hour; build/bench/latest.json.
bench: setup
	$(Q)$(SUBMAKE) bench-run
bench-run: all $(BENCHES)
	$(Q)mkdir -p build/bench
	$(Q)ENTENTE_BIN=$(BIN) $(PYTHON) tests/bench/run.py

# Redis Streams, NATS JetStream and PostgreSQL move the same records; installs what is missing.
bench-peers: setup
	$(Q)tests/bench/peers_setup.sh
	$(Q)$(SUBMAKE) all $(BENCHES)
	$(Q)mkdir -p build/bench
	$(Q)ENTENTE_BIN=$(BIN) $(PYTHON) tests/bench/peers.py

# A store as large as the disk allows: up to an hour.
bench-long: setup
	$(Q)$(SUBMAKE) all $(BENCHES)
	$(Q)mkdir -p build/bench
	$(Q)ENTENTE_BIN=$(BIN) $(PYTHON) tests/bench/long.py

# By thread and function, with perf.
bench-where: setup
	$(Q)$(SUBMAKE) all
	$(Q)mkdir -p build/bench
	$(Q)ENTENTE_BIN=$(BIN) $(PYTHON) tests/bench/where.py

# The last runs become what later ones are compared with.
bench-record:
	$(Q)$(PYTHON) tests/bench/record.py

# 43 daemons in network namespaces, in four topologies: a quarter of an hour.
bench-europe: setup
	$(Q)$(SUBMAKE) all
	$(Q)ENTENTE_BIN=$(BIN) $(PYTHON) tests/bench/europe.py

install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(PROGRAMS:%=$(BIN)/%) $(DESTDIR)$(PREFIX)/bin
	for page in $(wildcard docs/man/*.[158]); do install -D -m 644 -t \
		$(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page || exit 1; done
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/local/bin|$(PREFIX)/bin|' docs/entented.service \
		>$(DESTDIR)$(PREFIX)/lib/systemd/system/entented.service

clean:
	rm -rf build

-include $(shell find $(O) -name '*.d' 2>/dev/null)
