/* SPDX-License-Identifier: EUPL-1.2 */
#include "app/impl.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "base/version.h"
#include "keys/file.h"

/* --- time, entropy, acts -------------------------------------------------------------------- */

struct gossip_time app_now(const struct app *a)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return (struct gossip_time){.mono_ms = uv_now(&a->loop),
		.wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000};
}

static void random_fill(void *ctx, void *out, size_t len)
{
	(void)ctx;
	randombytes_buf(out, len);
}

void app_enter(struct app *a, const struct act_body *act)
{
	pipeline_enter(a->pipeline, act, false, 0, NULL);
}

/* --- telling the supervisor ------------------------------------------------------------------- */

/* sd_notify(3): one datagram to the socket that the environment names. */
static void notify_supervisor(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (len == 0 || len >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		log_warn("app", "the supervisor was not told: %s", strerror(errno));
	close(fd);
}

static void ready_path(const struct app *a, char out[600])
{
	snprintf(out, 600, "%s/ready", a->run_dir);
}

/* Whoever has the store is the daemon of this home; without it the file is another's. */
static void ready_remove(const struct app *a)
{
	char path[600];

	if (!a->store)
		return;
	ready_path(a, path);
	unlink(path);
}

static int ready_write(const struct app *a, struct err_text *err)
{
	struct buf text = buf_with_max(256);
	char path[600];
	int rc;

	ready_path(a, path);
	buf_printf(&text, "{\"listen\": \"%s\", \"pid\": %d}\n", a->bound, (int)getpid());
	rc = file_write(path, buf_view(&text), 0644, err);
	buf_free(&text);
	return rc;
}

/* --- stopping --------------------------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *h)
{
	struct app *a = h->data;

	/* The loop itself would go on for a look-up of a name: half a minute, if its server does
	 * not answer. */
	if (--a->handles_open == 0)
		uv_stop(&a->loop);
}

static void handle_count(uv_handle_t *h, void *count)
{
	(void)h;
	++*(size_t *)count;
}

static size_t handles_left(uv_loop_t *loop)
{
	size_t count = 0;

	uv_walk(loop, handle_count, &count);
	return count;
}

static void handle_close(struct app *a, uv_handle_t *h)
{
	h->data = a;
	a->handles_open++;
	uv_close(h, on_handle_closed);
}

static void on_control_stopped(void *ctx)
{
	(void)ctx;
}

/* Between two lives nobody looks at signals: they wait, instead of ending the process. */
static void signals_hold(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(how, &set, NULL);
}

static void on_net_stopped(void *ctx)
{
	struct app *a = ctx;

	if (a->restart)
		signals_hold(SIG_BLOCK);
	handle_close(a, (uv_handle_t *)&a->wake.poll);
	handle_close(a, (uv_handle_t *)&a->tick);
	handle_close(a, (uv_handle_t *)&a->settle);
	handle_close(a, (uv_handle_t *)&a->terminate);
	handle_close(a, (uv_handle_t *)&a->interrupt);
	handle_close(a, (uv_handle_t *)&a->hangup);
	for (size_t i = 0; i < sizeof(a->watch) / sizeof(a->watch[0]); i++)
		handle_close(a, (uv_handle_t *)&a->watch[i]);
}

void app_stop(struct app *a, int status)
{
	if (a->stopping)
		return;
	a->stopping = true;
	a->status = status;
	log_notice("app", "stopping");
	notify_supervisor(a->restart ? "RELOADING=1" : "STOPPING=1");
	ready_remove(a);
	uv_timer_stop(&a->tick);
	uv_timer_stop(&a->settle);
	if (a->control)
		control_stop(a->control, on_control_stopped, a);
	if (a->net)
		net_stop(a->net, on_net_stopped, a);
	else
		on_net_stopped(a);
}

static void on_stop_signal(uv_signal_t *s, int number)
{
	struct app *a = s->data;

	(void)number;
	a->restart = false;
	app_stop(a, 0);
}

static void on_hangup(uv_signal_t *s, int number)
{
	struct app *a = s->data;

	(void)number;
	if (!a->stopping)
		keys_reload(a);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void on_wake(void *ctx)
{
	struct app *a = ctx;

	exchange_events(a);
	requests_tick(a);
	/* Last, so that the loop sleeps then: whoever was woken takes its place. */
	if (a->net)
		net_send_now(a->net);
}

static void notify_loop(void *ctx)
{
	struct app *a = ctx;

	wake_send(&a->wake);
}

static void on_tick(uv_timer_t *t)
{
	struct app *a = t->data;

	app_clock_tick(a);
	keys_tick(a);
	left_tick(a);
	known_tick(a);
	gossip_tick(a->gossip, app_now(a));
	exchange_actions(a);
	exchange_tick(a);
	place_tick(a);
	memory_tick(a);
	alarms_tick(a);
	requests_tick(a);
	queries_tick(a);
	if (a->turnover && !a->stopping) {
		log_notice("app", "own.card names new keys: starting again with them");
		rotation_turnover(a);
		a->restart = true;
		app_stop(a, 0);
	}
}

/* --- start ------------------------------------------------------------------------------------ */

static int paths_set(struct app *a, struct err_text *err)
{
	const char *home = a->options->home;
	const struct {
		char *out;
		const char *name;
	} paths[] = {{a->keys_dir, "keys"}, {a->data_dir, "data"}, {a->run_dir, "run"},
		{a->guard_path, "guard"}, {a->journal_path, "data/log/journal"},
		{a->keys_file, "keys/node.key"}};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (file_path(paths[i].out, 512, home, paths[i].name) != 0)
			return err_set(err, ENT_ELIMIT, "%s: the path is too long", home);
	return 0;
}

static int conf_open(struct app *a, struct err_text *err)
{
	struct buf text = buf_with_max(CONF_BYTES_MAX);
	char path[512];
	int rc = file_path(path, sizeof(path), a->options->home, "entente.conf");

	if (rc == 0)
		rc = file_read(path, &text, err);
	if (rc == 0)
		rc = conf_parse(&a->conf, buf_view(&text), path, err);
	buf_free(&text);
	if (rc == 0)
		log_level_set(a->options->has_log_level ? a->options->log_level
							: a->conf.log_level);
	return rc;
}

static int guard_open(struct app *a, struct err_text *err)
{
	int rc = guardfile_read(&a->guard, a->guard_path, err);

	a->has_guard = rc == 0;
	return rc == ENT_ENOTFOUND ? 0 : rc;
}

/* A name that no provenance log of this node has had. */
static void provenance_name(struct app *a)
{
	uint64_t former = a->provenance.audience.id, now = (uint64_t)(app_now(a).wall_ms / 1000);

	a->provenance = (struct log_name){.node = a->self,
		.incarnation = a->identity.incarnation,
		.audience = {AUDIENCE_PROVENANCE, now > former ? now : former + 1}};
}

/* The log of acts goes on where it was; the first start, and a restored node, begin a new one. */
static int provenance_open(struct app *a, struct err_text *err)
{
	struct store_reader *r;
	struct store_log log;
	struct bytes value;
	bool known = false;
	int rc = store_reader_open(a->store, &r);

	if (rc != 0)
		return err_set(err, rc, "%s: %s", a->data_dir, err_sentence(rc));
	if (store_meta_get(r, LEDGER_META_PROVENANCE, &value) == 0)
		known = log_name_parse(value, &a->provenance);
	a->begin_provenance =
		!known || a->mute || a->provenance.incarnation != a->identity.incarnation;
	if (!a->begin_provenance && store_log_get(r, &a->provenance, &log) == 0 && log.has_held)
		gossip_provenance(a->gossip, &log.held);
	store_reader_close(r);
	if (!a->begin_provenance)
		return 0;
	if (known)
		a->former_provenance = a->provenance;
	provenance_name(a);
	return 0;
}

void app_provenance_anew(struct app *a)
{
	provenance_name(a);
	pipeline_epoch(a->pipeline, &a->provenance);
}

static int pipeline_open(struct app *a, struct err_text *err)
{
	struct pipeline_config config = {.store = a->store,
		.identity = &a->identity,
		.self = a->self,
		.provenance = a->provenance,
		.begin_provenance = a->begin_provenance,
		.former = a->former_provenance,
		.guard = &a->guard,
		.guard_path = a->guard_path,
		.journal_path = a->journal_path,
		.mute = a->mute,
		.keys = &a->shared,
		.rng = a->rng,
		.notify = notify_loop,
		.ctx = a};
	int rc = pipeline_new(&a->pipeline, &config);

	return rc == 0 ? 0 : err_set(err, rc, "threads: %s", err_sentence(rc));
}

static int net_open(struct app *a, struct err_text *err)
{
	struct net_config config = {.self = a->self,
		.transport_secret = a->identity.transport_secret,
		.transport_public = a->identity.transport_public,
		.former_secret = a->has_former ? a->former.transport_secret : NULL,
		.former_public = a->has_former ? a->former.transport_public : NULL,
		.rng = a->rng};
	struct net_ops ops = exchange_net_ops;
	int rc;

	ops.ctx = a;
	rc = net_new(&a->net, &a->loop, &config, &ops);
	if (rc != 0)
		return err_set(err, rc, "network: %s", err_sentence(rc));
	return net_listen(a->net, a->options->listen ? a->options->listen : a->conf.listen,
		a->bound, err);
}

static int control_open(struct app *a, struct err_text *err)
{
	struct control_ops ops = requests_ops;
	char path[600];

	ops.ctx = a;
	snprintf(path, sizeof(path), "%s/control.sock", a->run_dir);
	return control_new(&a->control, &a->loop, path, &ops, err);
}

static void handles_init(struct app *a)
{
	uv_timer_init(&a->loop, &a->tick);
	uv_timer_init(&a->loop, &a->settle);
	uv_signal_init(&a->loop, &a->terminate);
	uv_signal_init(&a->loop, &a->interrupt);
	uv_signal_init(&a->loop, &a->hangup);
	for (size_t i = 0; i < sizeof(a->watch) / sizeof(a->watch[0]); i++) {
		uv_fs_event_init(&a->loop, &a->watch[i]);
		a->watch[i].data = a;
	}
	a->tick.data = a->settle.data = a->terminate.data = a;
	a->interrupt.data = a->hangup.data = a;
	/* From here on, so that a stop during the start is a clean one too; the loop looks at them.
	 * */
	uv_signal_start(&a->terminate, on_stop_signal, SIGTERM);
	uv_signal_start(&a->interrupt, on_stop_signal, SIGINT);
	uv_signal_start(&a->hangup, on_hangup, SIGHUP);
}

/* What can go wrong because of the operator's files, before anything is opened to the world. */
static int app_open(struct app *a, struct err_text *err)
{
	int rc = paths_set(a, err);

	if (rc == 0)
		rc = conf_open(a, err);
	if (rc == 0)
		rc = store_open(&a->store, a->data_dir, STORE_WRITE, err);
	ready_remove(a);
	if (rc == 0)
		rc = keys_open(a, err);
	if (rc == 0)
		rc = rotation_open(a, err);
	if (rc == 0)
		rc = guard_open(a, err);
	if (rc == 0)
		rc = exchange_open(a, err);
	if (rc == 0)
		rc = provenance_open(a, err);
	if (rc == 0 && (rc = bonds_open(a)) != 0)
		return err_set(err, rc, "%s: %s", a->data_dir, err_sentence(rc));
	return rc;
}

static int app_start(struct app *a, struct err_text *err)
{
	struct act_body started = {
		.act = ACT_STARTED, .text = bytes_str("entented " ENTENTE_VERSION)};
	int rc = pipeline_open(a, err);

	if (rc == 0)
		rc = net_open(a, err);
	if (rc == 0)
		rc = control_open(a, err);
	if (rc != 0)
		return rc;
	a->started_ms = uv_now(&a->loop);
	app_clock_look(a);
	app_enter(a, &started);
	entering_open(a);
	queries_open(a);
	stop_open(a);
	rotation_started(a);
	uv_timer_start(&a->tick, on_tick, APP_TICK_MS, APP_TICK_MS);
	keys_watch(a);
	recover_started(a);
	rc = ready_write(a, err);
	if (rc == 0) {
		notify_supervisor("READY=1");
		log_notice("app", "ready listen=%s implementation=%s%s", a->bound,
			hash_implementation(), a->mute ? " mute" : "");
	}
	return rc;
}

static void app_close(struct app *a)
{
	struct act_body stopped = {.act = ACT_STOPPED};

	if (a->pipeline) {
		queries_stop(a);
		app_enter(a, &stopped);
		pipeline_stop(a->pipeline);
		queries_close(a);
		requests_close(a);
		stop_close(a);
		entering_close(a);
	}
	pipeline_free(a->pipeline);
	known_close(a);
	gossip_free(a->gossip);
	net_free(a->net);
	control_free(a->control);
	map_free(&a->sessions);
	keys_close(a);
	if (a->store)
		store_close(a->store);
	guardfile_free(&a->guard);
	conf_free(&a->conf);
	identity_free(&a->identity);
	identity_free(&a->former);
}

/* The exit status for an error at start (CLI.md). */
static int start_status(int code)
{
	switch (code) {
	case ENT_EINVALID:
	case ENT_ECRYPTO:
	case ENT_EPASSPHRASE:
		return 6;
	case ENT_EBUSY:
		return 4;
	default:
		return 5;
	}
}

/* One life, from the start to the stop; *bound gets where it listened when another is to follow.
 * *looks_up: something of it is left. */
static int app_live(const struct app_options *options, char bound[64], bool *again, bool *looks_up)
{
	struct app *a = calloc(1, sizeof(*a));
	struct err_text err = {"out of memory"};
	int rc, status;

	*again = false;
	if (!a)
		return 5;
	a->options = options;
	a->rng = (struct env_rng){random_fill, NULL};
	uv_loop_init(&a->loop);
	if (wake_open(&a->wake, &a->loop, on_wake, a) != 0) {
		log_error("app", "no eventfd: %s", strerror(errno));
		uv_loop_close(&a->loop);
		free(a);
		return 5;
	}
	handles_init(a);
	signals_hold(SIG_UNBLOCK);
	rc = app_open(a, &err);
	if (rc == 0)
		rc = app_start(a, &err);
	if (rc != 0) {
		log_error("app", "%s", err.text);
		app_stop(a, start_status(rc));
	}
	uv_run(&a->loop, UV_RUN_DEFAULT);
	while (handles_left(&a->loop) > 0 && uv_run(&a->loop, UV_RUN_ONCE))
		;
	ready_remove(a);
	app_close(a);
	wake_close(&a->wake);
	status = a->status;
	*again = a->restart;
	memcpy(bound, a->bound, sizeof(a->bound));
	/* The thread of a look-up that still runs will come back to the loop. */
	if (uv_loop_close(&a->loop) == 0)
		free(a);
	else
		*looks_up = true;
	return status;
}

int app_run(const struct app_options *options)
{
	struct app_options next = *options;
	const struct rlimit no_core = {0, 0};
	bool again, looks_up = false;
	char bound[64];
	int status;

	memory_open();
	store_bus_explain("<3>error  store    " STORE_BUS);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file-size limit is an error of the store like a full disk */
	/* No secret in a core dump. */
	setrlimit(RLIMIT_CORE, &no_core);
	if (hash_init() != 0)
		log_error("app", "this CPU's SHA-256 is wrong; libsodium's is used");
	do {
		status = app_live(&next, bound, &again, &looks_up);
		/* Where it has listened, also when the port was picked. */
		next.listen = bound;
	} while (again);
	/* libuv would wait for its threads. */
	if (looks_up) {
		fflush(NULL);
		_exit(status);
	}
	return status;
}
