/* SPDX-License-Identifier: EUPL-1.2 */
/* The table of commands, in the order of `entente help`. */
#include "cli/cli.h"

const struct cli_command *const cli_commands[] = {
	/* keys and agreements */
	&cmd_init,
	&cmd_root_new,
	&cmd_card_show,
	&cmd_card_export,
	&cmd_card_renew,
	&cmd_card_draft,
	&cmd_card_sign,
	&cmd_card_install,
	&cmd_agreement_draft,
	&cmd_agreement_sign,
	&cmd_agreement_accept,
	&cmd_agreement_list,
	&cmd_agreement_show,
	&cmd_agreement_words,
	&cmd_agreement_test,
	&cmd_agreement_psk,
	&cmd_agreement_revoke,
	/* records */
	&cmd_publish,
	&cmd_canonical,
	&cmd_retract,
	&cmd_erase,
	&cmd_hold,
	&cmd_unhold,
	&cmd_find,
	&cmd_tail,
	/* the node */
	&cmd_status,
	&cmd_peers,
	&cmd_feeds,
	&cmd_origins,
	&cmd_alarms,
	&cmd_checkpoint,
	&cmd_why,
	&cmd_log,
	&cmd_wait,
	&cmd_pause,
	&cmd_resume,
	&cmd_reindex,
	&cmd_doctor,
	NULL,
};
